#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

std::string write_script(const ScratchFolder& folder, const std::string& name) {
    const std::string file = folder.write(name, "#!/bin/sh\n");
    ::chmod(file.c_str(), 0755);
    return file;
}

std::string file_with(const std::string& command) {
    return "version: 1\nhandlers: {veg: {command: [" + command + "]}}\nports: {7001/tcp: veg}\n";
}

TEST(check_program, a_name_is_looked_up_in_path) {
    const ScratchFolder folder;
    const std::string second = write_script(folder, "bin2/kitchen");
    const std::string file = folder.write("houses.yaml", file_with("kitchen"));
    const std::string path = (folder / "bin1").string() + "::" + (folder / "bin2").string();
    const Loaded loaded = load(file, test_host({{"PATH", path}}));
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].program, second);
    EXPECT_FALSE(load(file, test_host()).config);
}

TEST(check_program, a_relative_one_starts_from_the_folder_of_the_main_file) {
    const ScratchFolder folder;
    const std::string program = write_script(folder, "kitchens/kitchen");
    folder.write("conf.d/a.yaml", "handlers: {veg: {command: [kitchens/kitchen]}}\nports: {7001/tcp: veg}\n");
    const Loaded loaded = load(folder.write("houses.yaml", "version: 1\ninclude: [conf.d/a.yaml]\n"), test_host());
    ASSERT_TRUE(loaded.config) << rendered(loaded, folder.path());
    EXPECT_EQ(loaded.config->handlers[0].program, program);
}

TEST(check_program, is_judged_for_the_user_that_runs_it) {
    const ScratchFolder folder;
    const std::string program = write_script(folder, "kitchen");
    ::chmod(folder.path().c_str(), 0755);
    ::chmod(program.c_str(), 0700);
    const std::string file = folder.write(
        "houses.yaml", "version: 1\nhandlers: {veg: {command: [./kitchen], user: daemon}}\nports: {7001/tcp: veg}\n");
    EXPECT_NE(rendered(load(file, test_host()), folder.path()).find("kitchen is not executable for daemon"),
              std::string::npos);
    ::chmod(program.c_str(), 0755);
    EXPECT_TRUE(load(file, test_host()).config);
}

// A service manager gives portier groups that its user does not have.
TEST(check_program, the_groups_are_those_that_portier_has) {
    const ScratchFolder folder;
    const std::string program = write_script(folder, "kitchen");
    ::chmod(folder.path().c_str(), 0755);
    ::chmod(program.c_str(), 0610);
    Host host = test_host();
    host.user = ::getpwnam("daemon")->pw_uid;  // not the owner; the file has our own group
    const Loaded loaded = load(folder.write("houses.yaml", file_with("./kitchen")), host);
    EXPECT_TRUE(loaded.config) << rendered(loaded, folder.path());
}

TEST(check_program, the_interpreter_is_looked_up_where_the_process_will) {
    const ScratchFolder folder;
    const std::string script = folder.write("kitchen", "#!/usr/bin/env stove\n");
    ::chmod(script.c_str(), 0755);
    write_script(folder, "bin/stove");
    const std::string with_path = "version: 1\nhandlers: {veg: {command: [./kitchen], env: {PATH: \"" +
                                  (folder / "bin").string() + "\"}}}\nports: {7001/tcp: veg}\n";
    EXPECT_TRUE(load(folder.write("houses.yaml", with_path), test_host()).config);
    EXPECT_FALSE(load(folder.write("houses.yaml", file_with("./kitchen")), test_host()).config);
}

TEST(check_program, warns_about_a_namesake_in_the_folder) {
    const ScratchFolder folder;
    write_script(folder, "sleep");
    EXPECT_NE(
        rendered(load(folder.write("houses.yaml", file_with("sleep")), test_host()), folder.path())
            .find("warning: handlers.veg.command: \"sleep\" is /usr/bin/sleep, found in PATH, and not the one in "),
        std::string::npos);
    EXPECT_TRUE(load(folder.write("houses.yaml", file_with("./sleep")), test_host()).diagnostics.empty());
    const Host host = test_host({{"PATH", folder.path().string()}});
    EXPECT_TRUE(load(folder.write("houses.yaml", file_with("sleep")), host).diagnostics.empty());
}

}  // namespace
}  // namespace portier::config
