// The part of PJRT's C API (xla/pjrt/c/pjrt_c_api.h) that this package calls, with the layout of
// its version 0. Objects are opaque, errors are NULL for success. layout_test.go compares all of
// it with the header that go-xla is built from.
#ifndef GALDECON_PJRT_H
#define GALDECON_PJRT_H

#include <stddef.h>

// Every function but those about errors takes a structure of its own and returns an error.
typedef void *(*pjrt_function)(void *args);

typedef struct {
  size_t struct_size;
  void *extension_start;
  struct {
    size_t struct_size;
    void *extension_start;
    int major_version, minor_version;
  } version;
  pjrt_function functions[];
} pjrt_api;

// Places of functions in pjrt_api.
enum {
  ERROR_DESTROY = 0,
  PLUGIN_INITIALIZE = 3,
  CLIENT_CREATE = 10,
  CLIENT_COMPILE = 20,
  EXECUTABLE_DESTROY = 40,
  EXECUTABLE_SERIALIZE = 49,
  LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
  EXECUTABLE_DESERIALIZE_AND_LOAD = 56,
  TOPOLOGY_DESCRIPTION_SERIALIZE = 87,
  CLIENT_TOPOLOGY_DESCRIPTION = 95,
};

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *error;
} error_destroy_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  const void *create_options;
  size_t num_options;
  void *get_callback, *get_user_arg, *put_callback, *put_user_arg;
  void *client;  // out
  void *try_get_callback, *try_get_user_arg;
} client_create_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  char *code;
  size_t code_size;
  const char *format;
  size_t format_size;
} pjrt_program;

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *client;
  const pjrt_program *program;
  const char *compile_options;
  size_t compile_options_size;
  void *executable;  // out: a loaded executable
} client_compile_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *loaded_executable;
  void *executable;  // out
} get_executable_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *executable;
} executable_destroy_args;

// The arguments of serializing an executable and a topology have the same layout.
typedef struct {
  size_t struct_size;
  void *extension_start;
  void *object;
  const char *bytes;             // out
  size_t bytes_size;             // out
  void *backing;                 // out
  void (*deleter)(void *backing);  // out
} serialize_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *client;
  const char *serialized_executable;
  size_t serialized_executable_size;
  void *loaded_executable;  // out
  const char *overridden_options;
  size_t overridden_options_size;
} deserialize_and_load_args;

typedef struct {
  size_t struct_size;
  void *extension_start;
  void *client;
  void *topology;  // out
} client_topology_args;

// SLOTS is how many plugins a process can have behind tables of ours.
enum { SLOTS = 4 };

// The functions' names are long because the linker makes them known to the plugins, too.

// galdecon_wrap loads a plugin and returns a copy of its table whose compilations go through
// galdeconCompile, and whose clients are made known to galdeconCreate; NULL where the plugin can't
// be loaded or has another version of the API. The plugin must be initialized already: the copy
// doesn't do so again.
pjrt_api *galdecon_wrap(int slot, const char *path);

// galdecon_create and galdecon_compile are the plugin's own functions.
void *galdecon_create(int slot, client_create_args *args);
void *galdecon_compile(int slot, client_compile_args *args);

// galdecon_load makes a loaded executable of a serialized one; NULL where the plugin refuses it.
void *galdecon_load(int slot, void *client, const void *data, size_t size);

// galdecon_serialize_program and galdecon_serialize_topology serialize a loaded executable, and the
// devices that a client compiles for. They return 0 where the plugin can't; else galdecon_release
// must be called.
int galdecon_serialize_program(int slot, void *loaded, serialize_args *args);
int galdecon_serialize_topology(int slot, void *client, serialize_args *args);
void galdecon_release(serialize_args *args);

#endif
