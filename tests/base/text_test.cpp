#include "base/text.hpp"

#include <gtest/gtest.h>

#include "support/random.hpp"

namespace portier {

namespace {

const std::vector<std::string> kWords{"backlog", "handler", "max_connections", "tcp", "udp"};

std::string unescape(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            bytes += text[i];
        } else if (text[i + 1] == '\\') {
            bytes += text[++i];
        } else {
            bytes += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
            i += 3;
        }
    }
    return bytes;
}

}  // namespace

// A slip of the hand finds the word that was meant, another word finds nothing.
TEST(Nearest, FindsSlipsAndNothingElse) {
    const struct {
        const char* word;
        std::optional<std::string> wanted;
    } cases[]{
        {"backlog", "backlog"},   // itself
        {"bcklog", "backlog"},    // one left out
        {"backlogg", "backlog"},  // one too many
        {"bakclog", "backlog"},   // two swapped
        {"hendler", "handler"},   // one wrong
        {"max_conections", "max_connections"},
        {"tpc", "tcp"},  // a swap is one edit, also in a short word
        {"tap", "tcp"},
        {"xyz", std::nullopt},
        {"", std::nullopt},
        {"completely_different", std::nullopt},
        {"Backlog", "backlog"},
    };
    for (const auto& c : cases) EXPECT_EQ(nearest(c.word, kWords), c.wanted) << c.word;
    EXPECT_EQ(nearest("tcp", {}), std::nullopt);
}

// Of several near words the nearest wins, of equally near ones the first.
TEST(Nearest, PrefersTheNearest) {
    const std::vector<std::string> words{"listem", "listen", "lister"};
    EXPECT_EQ(nearest("listen", words), "listen");
    EXPECT_EQ(nearest("listex", words), "listem");
}

// Bytes that could break or forge a log line are made visible, readable text stays as it is.
TEST(Escape, MakesForeignBytesHarmless) {
    using namespace std::string_literals;
    const struct {
        std::string bytes, wanted;
    } cases[]{
        {"plain text 123", "plain text 123"},
        {"line\nbreak\r", "line\\x0abreak\\x0d"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"tab\t", "tab\\x09"},
        {"nul\0end"s, "nul\\x00end"},
        {"del\x7f", "del\\x7f"},
        {"back\\slash", "back\\\\slash"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},  // two bytes
        {"\xe2\x82\xac", "\xe2\x82\xac"},              // three
        {"\xf0\x9f\x9a\xaa", "\xf0\x9f\x9a\xaa"},      // four
        {"\xff\xfe", "\\xff\\xfe"},                    // never in UTF-8
        {"\xc3", "\\xc3"},                             // cut off
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xc0\xaf", "\\xc0\\xaf"},  // overlong slash
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b"
         "31m"},  // C1 control: an escape sequence in one character
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xe2\x80\xae"
         "gpj",
         "\\xe2\\x80\\xae"
         "gpj"},  // from right to left
        {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
        {"\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"},
        {"\x80", "\\x80"},  // a continuation alone
    };
    for (const auto& c : cases) EXPECT_EQ(escape(c.bytes), c.wanted) << c.wanted;
}

// A text for a terminal keeps its lines and what was escaped before, and nothing else that a terminal obeys.
TEST(Printable, KeepsLinesAndBackslashes) {
    EXPECT_EQ(printable("two\nlines \\x1b gr\xc3\xbc\xc3\x9f"), "two\nlines \\x1b gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(printable("\x1b[2J\r\xff\xc2\x9b"), "\\x1b[2J\\x0d\\xff\\xc2\\x9b");
}

// Whatever the bytes: the result has no control byte, and says exactly which bytes they were.
TEST(Escape, LosesNothing) {
    test::Random random;
    for (int round = 0; round < 2000; ++round) {
        std::string bytes(random.between(0, 40), '\0');
        for (char& byte : bytes) byte = static_cast<char>(random.between(0, 255));
        const std::string text = escape(bytes);
        for (const char c : text) ASSERT_FALSE((c >= 0 && c < 0x20) || c == 0x7f);
        ASSERT_EQ(unescape(text), bytes);
    }
}

}  // namespace portier
