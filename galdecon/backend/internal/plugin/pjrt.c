#include "pjrt.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

// The plugins' own tables.
static const pjrt_api *real[SLOTS];

// The API hands a function nothing that would tell which plugin is meant: each slot has its own.
#define SLOT(n)                                                               \
  static void *create_##n(void *args) { return galdeconCreate(n, args); }     \
  static void *compile_##n(void *args) { return galdeconCompile(n, args); }
SLOT(0)
SLOT(1)
SLOT(2)
SLOT(3)
static const pjrt_function creates[SLOTS] = {create_0, create_1, create_2, create_3};
static const pjrt_function compiles[SLOTS] = {compile_0, compile_1, compile_2, compile_3};

static void *initialized(void *args) {
  (void)args;
  return NULL;
}

pjrt_api *galdecon_wrap(int slot, const char *path) {
  void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL) return NULL;
  const pjrt_api *(*get_api)(void) = (const pjrt_api *(*)(void))dlsym(library, "GetPjrtApi");
  const pjrt_api *api = get_api == NULL ? NULL : get_api();
  size_t needed = offsetof(pjrt_api, functions[CLIENT_TOPOLOGY_DESCRIPTION + 1]);
  if (api == NULL || api->version.major_version != 0 || api->struct_size < needed) return NULL;
  pjrt_api *table = malloc(api->struct_size);
  if (table == NULL) return NULL;
  memcpy(table, api, api->struct_size);
  table->functions[PLUGIN_INITIALIZE] = initialized;
  table->functions[CLIENT_CREATE] = creates[slot];
  table->functions[CLIENT_COMPILE] = compiles[slot];
  real[slot] = api;
  return table;
}

static void *call(int slot, int function, void *args) {
  return real[slot]->functions[function](args);
}

// succeeds calls a function and drops its error.
static int succeeds(int slot, int function, void *args) {
  void *error = call(slot, function, args);
  if (error == NULL) return 1;
  error_destroy_args destroy = {sizeof destroy, NULL, error};
  call(slot, ERROR_DESTROY, &destroy);
  return 0;
}

void *galdecon_create(int slot, client_create_args *args) {
  return call(slot, CLIENT_CREATE, args);
}

void *galdecon_compile(int slot, client_compile_args *args) {
  return call(slot, CLIENT_COMPILE, args);
}

void *galdecon_load(int slot, void *client, const void *data, size_t size) {
  deserialize_and_load_args args = {sizeof args, NULL, client, data, size};
  return succeeds(slot, EXECUTABLE_DESERIALIZE_AND_LOAD, &args) ? args.loaded_executable : NULL;
}

int galdecon_serialize_program(int slot, void *loaded, serialize_args *args) {
  get_executable_args get = {sizeof get, NULL, loaded};
  if (!succeeds(slot, LOADED_EXECUTABLE_GET_EXECUTABLE, &get)) return 0;
  *args = (serialize_args){sizeof *args, NULL, get.executable};
  int ok = succeeds(slot, EXECUTABLE_SERIALIZE, args);
  executable_destroy_args destroy = {sizeof destroy, NULL, get.executable};
  succeeds(slot, EXECUTABLE_DESTROY, &destroy);
  return ok;
}

int galdecon_serialize_topology(int slot, void *client, serialize_args *args) {
  client_topology_args get = {sizeof get, NULL, client};
  if (!succeeds(slot, CLIENT_TOPOLOGY_DESCRIPTION, &get)) return 0;
  *args = (serialize_args){sizeof *args, NULL, get.topology};
  return succeeds(slot, TOPOLOGY_DESCRIPTION_SERIALIZE, args);
}

void galdecon_release(serialize_args *args) { args->deleter(args->backing); }
