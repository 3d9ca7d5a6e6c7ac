// All keys of the configuration, by the object that they fill. A new key is one row in fields_*.cpp.
// Built once, never changed; any thread.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "config/field.hpp"

namespace portier::config {

template <typename Member>
void assign(Member& member, const Value& value) {
    if constexpr (std::is_enum_v<Member>) {
        member = static_cast<Member>(std::get<std::uint64_t>(value));
    } else if constexpr (std::is_same_v<Member, Milliseconds>) {
        member = Milliseconds(static_cast<std::int64_t>(std::get<std::uint64_t>(value)));
    } else if constexpr (std::is_integral_v<Member> && !std::is_same_v<Member, bool>) {
        member = static_cast<Member>(std::get<std::uint64_t>(value));
    } else if constexpr (std::is_same_v<Member, std::map<std::string, std::string>>) {
        for (const auto& [name, text] : std::get<Member>(value)) member.insert_or_assign(name, text);
    } else {
        member = std::get<Member>(value);
    }
}

template <typename Member>
void assign(std::optional<Member>& member, const Value& value) {
    member.reset();
    if (!std::holds_alternative<std::monostate>(value)) assign(member.emplace(), value);
}

template <typename Member>
Value value_of(const Member& member) {
    if constexpr (std::is_enum_v<Member>) {
        return static_cast<std::uint64_t>(member);
    } else if constexpr (std::is_same_v<Member, Milliseconds>) {
        return static_cast<std::uint64_t>(member.count());
    } else if constexpr (std::is_integral_v<Member> && !std::is_same_v<Member, bool>) {
        return static_cast<std::uint64_t>(member);
    } else {
        return member;
    }
}

template <typename Member>
Value value_of(const std::optional<Member>& member) {
    return member ? value_of(*member) : Value{};
}

// The fields of one kind of object and how each reaches its member. fields[i] belongs to set(i, ...) and get(i, ...).
template <typename Object>
class Table {
public:
    std::vector<Field> fields;

    // `member` maps an object, const or not, to a reference to the field's member.
    template <typename Accessor>
    void add(Field field, Accessor member) {
        fields.push_back(std::move(field));
        access_.push_back({[member](Object& object, const Value& value) { assign(member(object), value); },
                           [member](const Object& object) { return value_of(member(object)); },
                           [member](Object& object) { member(object) = member(kUnset); }});
    }

    // A section: no member.
    void add(Field field) {
        fields.push_back(std::move(field));
        access_.push_back({});
    }

    bool has_member(std::size_t index) const { return access_[index].set != nullptr; }
    void set(std::size_t index, Object& object, const Value& value) const { access_[index].set(object, value); }
    Value get(std::size_t index, const Object& object) const { return access_[index].get(object); }

    // As if nobody had written it.
    void reset(std::size_t index, Object& object) const { access_[index].reset(object); }

private:
    inline static const Object kUnset{};

    struct Access {
        std::function<void(Object&, const Value&)> set;
        std::function<Value(const Object&)> get;
        std::function<void(Object&)> reset;
    };
    std::vector<Access> access_;
};

// Parts of handler_table(): how processes are run, and the keys of delivery relay.
void add_process(Table<Handler>& table);
void add_relay(Table<Handler>& table);

Scope process_scope();  // where there are processes
Scope staying_scope();  // where processes are kept running

// The top level of a file.
const std::vector<Field>& file_fields();
const Table<Handler>& handler_table();
const Table<Backend>& backend_table();  // an entry of `connect` that is a map
const Table<Port>& port_table();
const Table<Admin>& admin_table();
const Table<Router>& router_table();

}  // namespace portier::config
