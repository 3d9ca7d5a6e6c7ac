// The log of the code under test: as long as this object lives, stderr goes to a memory file. One at a time.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/log.hpp"

namespace portier::test {

class LogCapture {
public:
    explicit LogCapture(const LogOptions& options = {.least = LogSeverity::debug, .json = true, .role = "test"})
        : file_(::memfd_create("log", MFD_CLOEXEC)), before_(::dup(STDERR_FILENO)) {
        ::dup2(file_.get(), STDERR_FILENO);
        set_up_log(options);
    }
    ~LogCapture() {
        ::dup2(before_.get(), STDERR_FILENO);
        set_up_log({});
    }

    std::string text() const {
        std::string result;
        char buffer[4096];
        for (ssize_t size; (size = ::pread(file_.get(), buffer, sizeof buffer, static_cast<off_t>(result.size()))) > 0;)
            result.append(buffer, static_cast<std::size_t>(size));
        return result;
    }

    std::vector<std::string> lines() const {
        std::vector<std::string> result;
        std::istringstream stream(text());
        for (std::string line; std::getline(stream, line);) result.push_back(line);
        return result;
    }

    // The lines that contain `words`.
    std::vector<std::string> lines_with(const std::string& words) const {
        std::vector<std::string> result;
        for (const std::string& line : lines())
            if (line.find(words) != std::string::npos) result.push_back(line);
        return result;
    }

private:
    Fd file_;
    Fd before_;
};

}  // namespace portier::test
