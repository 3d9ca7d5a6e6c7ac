# The configuration: from YAML to plain values with diagnostics.
add_library(portier_config STATIC
  config/check_capacity.cpp
  config/check_handler.cpp
  config/check_host.cpp
  config/check_overlaps.cpp
  config/check_program.cpp
  config/decode.cpp
  config/diagnostics.cpp
  config/documents.cpp
  config/effective.cpp
  config/field.cpp
  config/fields_handler.cpp
  config/fields_port.cpp
  config/fields_router.cpp
  config/handlers.cpp
  config/host.cpp
  config/load.cpp
  config/nesting.cpp
  config/object_reader.cpp
  config/outline.cpp
  config/port_key.cpp
  config/ports.cpp
  config/program.cpp
  config/read_file.cpp
  config/reference.cpp
  config/render.cpp
  config/schema.cpp
  config/slips.cpp
  config/source.cpp
  config/units.cpp
  config/variables.cpp
  config/words.cpp
  config/yaml_errors.cpp
  config/yaml_events.cpp
  config/yaml_reader.cpp
  config/yaml_traps.cpp)
target_link_libraries(portier_config PUBLIC portier_net PRIVATE portier_options yaml-cpp fmt::fmt)
