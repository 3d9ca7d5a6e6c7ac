#include "config/program.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/scratch.hpp"

namespace portier::config {
namespace {

const Identity kRoot{.name = "root", .user = 0, .group = 0, .groups = {}};
const Identity kGuest{.name = "guest", .user = 54321, .group = 54321, .groups = {54322}};

// For this process alone, which may not come back from it.
bool mount_without_exec(const std::filesystem::path& folder) {
    return ::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("none", folder.c_str(), "tmpfs", MS_NOEXEC, nullptr) == 0;
}

class program : public testing::Test {
protected:
    program() { ::chmod(folder_.path().c_str(), 0755); }

    std::string write(const std::string& text, mode_t mode) {
        const std::string file = folder_.write("program", text);
        ::chmod(file.c_str(), mode);
        return file;
    }

    std::string judge(const std::string& file, const Identity& who = kRoot) {
        const auto problem = inspect_program(file, who, "/usr/bin:/bin");
        return problem ? without(problem->message, folder_.path().string() + '/') : "";
    }

    ScratchFolder folder_;
};

TEST_F(program, accepts_programs_and_scripts) {
    EXPECT_EQ(judge("/bin/sleep"), "");
    EXPECT_EQ(judge("/bin/sleep", kGuest), "");
    EXPECT_EQ(judge(write("#!/bin/sh\n", 0755), kGuest), "");
    EXPECT_EQ(judge(write("#! /bin/sh -e\r\n", 0755)), "");
    EXPECT_EQ(judge(write("#!/usr/bin/env sh\n", 0755)), "");
    EXPECT_EQ(judge(write("#!/usr/bin/env -S sh -e\n", 0755)), "");
}

TEST_F(program, says_what_is_wrong_with_the_file) {
    EXPECT_EQ(judge((folder_ / "missing").string()), "missing: No such file or directory");
    std::filesystem::create_directory(folder_ / "folder");
    EXPECT_EQ(judge((folder_ / "folder").string()), "folder is a folder");
    EXPECT_EQ(judge(write("#!/bin/sh\n", 0644)), "program is not executable for root");
    EXPECT_EQ(judge(write("sleep 5\n", 0755)), "program is neither an ELF program nor a script that begins with #!");
    EXPECT_EQ(judge(write("#!\n", 0755)), "program: its first line #! names no interpreter");
}

TEST_F(program, looks_at_the_interpreter_too) {
    EXPECT_EQ(judge(write("#!/no/such/sh\n", 0755)),
              "/no/such/sh: No such file or directory: the interpreter of the script program");
    EXPECT_EQ(judge(write("#!/usr/bin/env no-such-sh\n", 0755)),
              "program: its interpreter no-such-sh is in no folder of PATH");
}

// The kernel looks for it where the process will be, not where we are.
TEST_F(program, wants_the_whole_path_of_the_interpreter) {
    EXPECT_EQ(judge(write("#!bin/sh\n", 0755)),
              "program: its interpreter bin/sh is looked for in the working directory");
}

TEST_F(program, may_lie_where_nothing_is_executed) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (!mount_without_exec(folder_.path())) ::_exit(2);
        const std::string problem = judge(write("#!/bin/sh\n", 0755));
        ::_exit(problem == "program lies on a file system that is mounted noexec" ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(program, knows_programs_of_other_machines) {
    std::string header = read_whole("/bin/sleep").substr(0, 64);
    EXPECT_EQ(judge(write(header, 0755)), "");
    header[18] = 22;  // EM_S390
    header[19] = 0;
    EXPECT_NE(judge(write(header, 0755)).find("is made for another machine"), std::string::npos);
    header[18] = '\xf7';
    EXPECT_NE(judge(write(header, 0755)).find("(ELF machine 247"), std::string::npos);
    EXPECT_EQ(judge(write(header.substr(0, 10), 0755)), "program is cut off");
}

TEST_F(program, follows_the_permissions_of_the_user) {
    const std::string file = write("#!/bin/sh\n", 0700);
    EXPECT_EQ(judge(file), "");
    EXPECT_EQ(judge(file, kGuest), "program is not executable for guest");
    ::chmod(file.c_str(), 0755);
    EXPECT_EQ(judge(file, kGuest), "");
    ::chmod(folder_.path().c_str(), 0700);
    EXPECT_NE(judge(file, kGuest).find("guest may not enter"), std::string::npos);
}

TEST_F(program, the_group_decides_for_its_members) {
    const std::string file = write("#!/bin/sh\n", 0750);
    struct stat found {};
    ASSERT_EQ(::stat(file.c_str(), &found), 0);
    Identity member = kGuest;
    member.groups.push_back(found.st_gid);
    EXPECT_EQ(judge(file, member), "");
    ::chmod(file.c_str(), 0701);
    EXPECT_EQ(judge(file, member), "program is not executable for guest");
    EXPECT_EQ(judge(file, kGuest), "");
}

TEST_F(program, is_found_in_the_first_folder_that_has_it) {
    EXPECT_EQ(find_program("sleep", "/nowhere:/bin:/usr/bin"), "/bin/sleep");
    EXPECT_EQ(find_program("sleep", ""), std::nullopt);
    write("#!/bin/sh\n", 0644);
    EXPECT_EQ(find_program("program", folder_.path().string()), std::nullopt);
}

}  // namespace
}  // namespace portier::config
