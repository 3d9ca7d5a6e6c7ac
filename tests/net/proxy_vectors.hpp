// Reads tests/data/proxy_protocol/vectors.txt, whose first lines say how it is written.
#pragma once

#include <cstddef>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace portier::net {

struct ProxyVector {
    std::string expected;
    std::string bytes;
    std::size_t header = 0;  // so many of them
    std::string what;
};

// "\r\n\x00a" without the quotes.
inline std::string unescape(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            bytes += text[i];
            continue;
        }
        switch (text.at(++i)) {
            case 'r': bytes += '\r'; break;
            case 'n': bytes += '\n'; break;
            case 'x':
                bytes += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
                i += 2;
                break;
            default: bytes += text[i];
        }
    }
    return bytes;
}

inline std::string read_part(const std::string& part) {
    const std::size_t begin = part.find_first_not_of(' ');
    if (part.at(begin) == '"') return unescape(part.substr(begin + 1, part.rfind('"') - begin - 1));
    std::string bytes;
    std::istringstream words(part);
    for (std::string word; words >> word;) {
        const std::size_t star = word.find('*');
        const int count = star == std::string::npos ? 1 : std::stoi(word.substr(star + 1));
        bytes.append(static_cast<std::size_t>(count), static_cast<char>(std::stoi(word.substr(0, 2), nullptr, 16)));
    }
    return bytes;
}

inline std::vector<ProxyVector> read_proxy_vectors(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<ProxyVector> vectors;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::size_t first = line.find(" ; ");
        const std::size_t last = line.rfind(" ; ");
        if (first == last) throw std::runtime_error("not three parts: " + line);
        const std::string bytes = line.substr(first + 3, last - first - 3);
        const std::size_t bar = bytes.find(" | ");
        const std::string header = read_part(bytes.substr(0, bar));
        const std::string rest = bar == std::string::npos ? "" : read_part(bytes.substr(bar + 3));
        vectors.push_back({line.substr(0, first), header + rest, header.size(), line.substr(last + 3)});
    }
    return vectors;
}

}  // namespace portier::net
