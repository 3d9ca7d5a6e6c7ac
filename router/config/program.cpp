#include "config/program.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"

namespace portier::config {

namespace {

constexpr std::size_t kScriptLine = 255;  // BINPRM_BUF_SIZE: what the kernel reads of a script's first line

bool may_execute(const struct stat& file, const Identity& who) {
    if (who.user == 0) return S_ISDIR(file.st_mode) || (file.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    if (who.user == file.st_uid) return (file.st_mode & S_IXUSR) != 0;
    const bool in_group =
        who.group == file.st_gid || std::find(who.groups.begin(), who.groups.end(), file.st_gid) != who.groups.end();
    return (file.st_mode & (in_group ? S_IXGRP : S_IXOTH)) != 0;
}

// The permission to pass through every folder above and to execute the file itself.
std::optional<ProgramProblem> check_permissions(const std::string& program, const Identity& who) {
    struct stat found {};
    std::filesystem::path above;
    for (const auto& part : std::filesystem::path(program)) {
        above /= part;
        if (::stat(above.c_str(), &found) != 0)
            return ProgramProblem{fmt::format("{}: {}", program, errno_code().message()), ""};
        if (S_ISDIR(found.st_mode) && above != program && !may_execute(found, who)) {
            return ProgramProblem{fmt::format("{}: {} may not enter {}", program, who.name, above.string()),
                                  fmt::format("its mode is {:04o}", found.st_mode & 07777)};
        }
    }
    if (S_ISDIR(found.st_mode)) return ProgramProblem{program + " is a folder", ""};
    if (!S_ISREG(found.st_mode)) return ProgramProblem{program + " is not a file", ""};
    if (!may_execute(found, who))
        return ProgramProblem{fmt::format("{} is not executable for {}", program, who.name),
                              fmt::format("its mode is {:04o}", found.st_mode & 07777)};
    struct statvfs mounted {};
    if (::statvfs(program.c_str(), &mounted) != 0 || !(mounted.f_flag & ST_NOEXEC)) return std::nullopt;
    return ProgramProblem{program + " lies on a file system that is mounted noexec",
                          "put it elsewhere, or mount that with exec"};
}

std::string first_bytes(const std::string& program) {
    std::ifstream file(program, std::ios::binary);
    std::string bytes(kScriptLine, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
        const std::size_t start = std::min(line.find_first_not_of(" \t\r"), line.size());
        const std::size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
        if (end > start) words.emplace_back(line.substr(start, end - start));
        line.remove_prefix(end);
    }
    return words;
}

std::optional<ProgramProblem> check_interpreter(const std::string& program, std::string_view line, const Identity& who,
                                                const std::string& path) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) return ProgramProblem{program + ": its first line #! names no interpreter", ""};
    if (!words[0].starts_with('/'))
        return ProgramProblem{
            fmt::format("{}: its interpreter {} is looked for in the working directory", program, words[0]),
            "write its whole path behind #!"};
    if (const auto problem = check_permissions(words[0], who))
        return ProgramProblem{fmt::format("{}: the interpreter of the script {}", problem->message, program),
                              problem->hint};
    const bool by_env = words[0].ends_with("/env") && words.size() > 1 && !words[1].starts_with('-');
    if (!by_env || words[1].find('/') != std::string::npos || find_program(words[1], path)) return std::nullopt;
    return ProgramProblem{fmt::format("{}: its interpreter {} is in no folder of PATH", program, words[1]),
                          "PATH is " + path};
}

// The machine of an ELF file has to be our own.
std::optional<ProgramProblem> check_machine(const std::string& program, std::string_view header) {
    static const std::string own = first_bytes("/proc/self/exe");
    constexpr std::size_t kMachine = offsetof(Elf64_Ehdr, e_machine);
    if (header.size() < kMachine + 2 || own.size() < kMachine + 2) return ProgramProblem{program + " is cut off", ""};
    const auto machine = [](std::string_view bytes) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
        return byte(kMachine) | byte(kMachine + 1) << 8;
    };
    const bool older_sibling = machine(own) == EM_X86_64 && machine(header) == EM_386;
    if (older_sibling || machine(own) == machine(header)) return std::nullopt;
    return ProgramProblem{fmt::format("{} is made for another machine (ELF machine {}, this one is {})", program,
                                      machine(header), machine(own)),
                          "an emulator has to be named in the command"};
}

}  // namespace

std::optional<std::string> find_program(const std::string& name, const std::string& path) {
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        const auto candidate = std::filesystem::absolute(std::filesystem::path(rest.substr(0, end)) / name);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        struct stat found {};
        const bool file = ::stat(candidate.c_str(), &found) == 0 && S_ISREG(found.st_mode);
        if (file && (found.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0) return candidate.string();
    }
    return std::nullopt;
}

std::optional<ProgramProblem> inspect_program(const std::string& program, const Identity& who,
                                              const std::string& path) {
    if (auto problem = check_permissions(program, who)) return problem;
    const std::string start = first_bytes(program);
    const std::string_view text = start;
    if (text.starts_with("#!")) return check_interpreter(program, text.substr(2, text.find('\n') - 2), who, path);
    if (text.starts_with(ELFMAG)) return check_machine(program, text);
    if (text.empty()) return std::nullopt;  // executable but not readable for us: the kernel will tell
    return ProgramProblem{program + " is neither an ELF program nor a script that begins with #!",
                          "name its interpreter in the command"};
}

}  // namespace portier::config
