# How all of our code is compiled: C++20, warnings are errors, sanitizers by preset.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Assertions stay on in release builds: a broken invariant aborts, and the keeper starts a new router.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g")

set(PORTIER_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
if(PORTIER_SANITIZE)
  # vptr looks at memory through a pipe, so it raises false alarms in tests that run out of descriptors.
  add_compile_options(-fsanitize=${PORTIER_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PORTIER_SANITIZE})
endif()

# What every target of ours links: warnings.
add_library(portier_options INTERFACE)
target_compile_options(portier_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror)
# g++ 12 finds these where there are none, after inlining std::string, std::optional and fmt (GCC bugs 105329, 105562).
target_compile_options(portier_options INTERFACE
  -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds)
if(PORTIER_SANITIZE MATCHES "thread")
  # g++ does not instrument atomic_thread_fence and says so; Asio uses fences.
  target_compile_options(portier_options INTERFACE -Wno-error=tsan -Wno-tsan)
endif()
if(PORTIER_SANITIZE)
  # With a sanitizer g++ 12 also takes the operators new and delete of a coroutine's frame for strangers.
  target_compile_options(portier_options INTERFACE -Wno-mismatched-new-delete)
endif()
