// Compiles only if ours is a part of go-xla's PJRT API.
#include "pjrt_c_api.h"
#include "../pjrt.h"

#define SAME(ours, a, theirs, b)                                        \
  _Static_assert(offsetof(ours, a) == offsetof(theirs, b), #ours "." #a); \
  _Static_assert(sizeof(((ours *)0)->a) == sizeof(((theirs *)0)->b), #ours "." #a)
#define SIZE(ours, theirs) _Static_assert(sizeof(ours) == theirs##_STRUCT_SIZE, #ours)
#define FUNCTION(place, name)                                             \
  _Static_assert(offsetof(pjrt_api, functions) + place * sizeof(void *) == \
                     offsetof(PJRT_Api, name),                             \
                 #place)

_Static_assert(PJRT_API_MAJOR == 0, "version");
SAME(pjrt_api, struct_size, PJRT_Api, struct_size);
SAME(pjrt_api, version, PJRT_Api, pjrt_api_version);
SAME(pjrt_api, version.major_version, PJRT_Api, pjrt_api_version.major_version);
FUNCTION(ERROR_DESTROY, PJRT_Error_Destroy);
FUNCTION(PLUGIN_INITIALIZE, PJRT_Plugin_Initialize);
FUNCTION(CLIENT_CREATE, PJRT_Client_Create);
FUNCTION(CLIENT_COMPILE, PJRT_Client_Compile);
FUNCTION(EXECUTABLE_DESTROY, PJRT_Executable_Destroy);
FUNCTION(EXECUTABLE_SERIALIZE, PJRT_Executable_Serialize);
FUNCTION(LOADED_EXECUTABLE_GET_EXECUTABLE, PJRT_LoadedExecutable_GetExecutable);
FUNCTION(EXECUTABLE_DESERIALIZE_AND_LOAD, PJRT_Executable_DeserializeAndLoad);
FUNCTION(TOPOLOGY_DESCRIPTION_SERIALIZE, PJRT_TopologyDescription_Serialize);
FUNCTION(CLIENT_TOPOLOGY_DESCRIPTION, PJRT_Client_TopologyDescription);

SIZE(error_destroy_args, PJRT_Error_Destroy_Args);
SAME(error_destroy_args, error, PJRT_Error_Destroy_Args, error);

SIZE(client_create_args, PJRT_Client_Create_Args);
SAME(client_create_args, client, PJRT_Client_Create_Args, client);

SIZE(pjrt_program, PJRT_Program);
SAME(pjrt_program, code, PJRT_Program, code);
SAME(pjrt_program, code_size, PJRT_Program, code_size);
SAME(pjrt_program, format, PJRT_Program, format);
SAME(pjrt_program, format_size, PJRT_Program, format_size);

SIZE(client_compile_args, PJRT_Client_Compile_Args);
SAME(client_compile_args, client, PJRT_Client_Compile_Args, client);
SAME(client_compile_args, program, PJRT_Client_Compile_Args, program);
SAME(client_compile_args, compile_options, PJRT_Client_Compile_Args, compile_options);
SAME(client_compile_args, compile_options_size, PJRT_Client_Compile_Args, compile_options_size);
SAME(client_compile_args, executable, PJRT_Client_Compile_Args, executable);

SIZE(get_executable_args, PJRT_LoadedExecutable_GetExecutable_Args);
SAME(get_executable_args, loaded_executable, PJRT_LoadedExecutable_GetExecutable_Args,
     loaded_executable);
SAME(get_executable_args, executable, PJRT_LoadedExecutable_GetExecutable_Args, executable);

SIZE(executable_destroy_args, PJRT_Executable_Destroy_Args);
SAME(executable_destroy_args, executable, PJRT_Executable_Destroy_Args, executable);

SIZE(serialize_args, PJRT_Executable_Serialize_Args);
SAME(serialize_args, object, PJRT_Executable_Serialize_Args, executable);
SAME(serialize_args, bytes, PJRT_Executable_Serialize_Args, serialized_bytes);
SAME(serialize_args, bytes_size, PJRT_Executable_Serialize_Args, serialized_bytes_size);
SAME(serialize_args, backing, PJRT_Executable_Serialize_Args, serialized_executable);
SAME(serialize_args, deleter, PJRT_Executable_Serialize_Args, serialized_executable_deleter);

SIZE(serialize_args, PJRT_TopologyDescription_Serialize_Args);
SAME(serialize_args, object, PJRT_TopologyDescription_Serialize_Args, topology);
SAME(serialize_args, bytes, PJRT_TopologyDescription_Serialize_Args, serialized_bytes);
SAME(serialize_args, bytes_size, PJRT_TopologyDescription_Serialize_Args, serialized_bytes_size);
SAME(serialize_args, backing, PJRT_TopologyDescription_Serialize_Args, serialized_topology);
SAME(serialize_args, deleter, PJRT_TopologyDescription_Serialize_Args,
     serialized_topology_deleter);

SIZE(deserialize_and_load_args, PJRT_Executable_DeserializeAndLoad_Args);
SAME(deserialize_and_load_args, client, PJRT_Executable_DeserializeAndLoad_Args, client);
SAME(deserialize_and_load_args, serialized_executable, PJRT_Executable_DeserializeAndLoad_Args,
     serialized_executable);
SAME(deserialize_and_load_args, serialized_executable_size,
     PJRT_Executable_DeserializeAndLoad_Args, serialized_executable_size);
SAME(deserialize_and_load_args, loaded_executable, PJRT_Executable_DeserializeAndLoad_Args,
     loaded_executable);
SAME(deserialize_and_load_args, overridden_options, PJRT_Executable_DeserializeAndLoad_Args,
     overridden_serialized_compile_options);

SIZE(client_topology_args, PJRT_Client_TopologyDescription_Args);
SAME(client_topology_args, client, PJRT_Client_TopologyDescription_Args, client);
SAME(client_topology_args, topology, PJRT_Client_TopologyDescription_Args, topology);
