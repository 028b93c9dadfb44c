// Package plugin opens go-xla's backend on a PJRT plugin so that compiled programs are kept.
//
// A PJRT plugin is a table of C functions, and go-xla takes such a table from its caller
// ([pjrt.RegisterPreloadedPlugin]). The one that it gets from here is a copy of the plugin's own,
// but for the function that compiles: that one looks for the program in a [compiled.Cache] first,
// and stores there what it had to compile. So all above go-xla is as without a cache.
package plugin

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "pjrt.h"
*/
import "C"

import (
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"

	"galdecon/galdecon/backend/compiled"
)

// Store is where the programs of a backend are kept.
type Store struct {
	Cache compiled.Cache
	// Warn is told, from any goroutine, why a program couldn't be kept. It was compiled all the
	// same.
	Warn func(error)
}

var (
	// mu is held while a backend is opened.
	mu sync.Mutex
	// slots has the paths of the plugins behind tables of ours, in their slots.
	slots []string
	// opening is the store of the backend that is being opened.
	opening *kept
	// clients has the store of each client, by its address.
	clients sync.Map // of unsafe.Pointer to *kept
)

// Open opens a backend on the plugin at an absolute path. A nil store keeps nothing. Neither does a
// plugin of an unknown version of PJRT's API, or one that can't serialize its programs.
func Open(path string, store *Store) (compute.Backend, error) {
	mu.Lock()
	defer mu.Unlock()
	if store != nil {
		ours, err := wrap(path)
		if err != nil {
			return nil, err
		}
		if ours {
			opening = newKept(path, store)
			defer func() { opening = nil }()
		}
	}
	return xla.New(path)
}

// wrap loads a plugin and has go-xla use a table of ours for it; false where it has to be its own.
func wrap(path string) (ours bool, err error) {
	if slices.Contains(slots, path) {
		return true, nil
	}
	// go-xla's own way of loading also checks for CUDA's libraries, and initializes the plugin.
	if _, err := pjrt.GetPlugin(path); err != nil {
		return false, err
	}
	if len(slots) == C.SLOTS {
		return false, nil
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	table := C.galdecon_wrap(C.int(len(slots)), name)
	if table == nil {
		return false, nil
	}
	if err := pjrt.RegisterPreloadedPlugin(path, uintptr(unsafe.Pointer(table))); err != nil {
		return false, err
	}
	slots = append(slots, path)
	return true, nil
}

// galdeconCreate is the table's function that makes a client.
//
//export galdeconCreate
func galdeconCreate(slot C.int, args *C.client_create_args) unsafe.Pointer {
	failure := C.galdecon_create(slot, args)
	if failure != nil {
		return failure
	}
	clients.Delete(args.client) // of an earlier client at this address
	if opening == nil {
		return nil
	}
	if topology, ok := serialized(func(out *C.serialize_args) C.int {
		return C.galdecon_serialize_topology(slot, args.client, out)
	}); ok {
		opening.devices = topology
		clients.Store(args.client, opening)
	}
	return nil
}

// galdeconCompile is the table's function that compiles. It returns the plugin's error.
//
//export galdeconCompile
func galdeconCompile(slot C.int, args *C.client_compile_args) unsafe.Pointer {
	found, ok := clients.Load(args.client)
	if !ok {
		return C.galdecon_compile(slot, args)
	}
	k := found.(*kept)
	key := k.key(
		view(args.program.format, args.program.format_size),
		view(args.program.code, args.program.code_size),
		view(args.compile_options, args.compile_options_size))
	if program, ok := k.store.Cache.Load(key); ok {
		data := unsafe.Pointer(unsafe.SliceData(program))
		args.executable = C.galdecon_load(slot, args.client, data, C.size_t(len(program)))
		if args.executable != nil {
			return nil
		}
	}
	if failure := C.galdecon_compile(slot, args); failure != nil {
		return failure
	}
	var out C.serialize_args
	if C.galdecon_serialize_program(slot, args.executable, &out) != 0 {
		defer C.galdecon_release(&out)
		if err := k.store.Cache.Store(key, view(out.bytes, out.bytes_size)); err != nil {
			k.store.Warn(err)
		}
	}
	return nil
}

// serialized returns a copy of what a function serializes; false where it can't.
func serialized(f func(*C.serialize_args) C.int) ([]byte, bool) {
	var out C.serialize_args
	if f(&out) == 0 {
		return nil, false
	}
	defer C.galdecon_release(&out)
	return C.GoBytes(unsafe.Pointer(out.bytes), C.int(out.bytes_size)), true
}

// view returns C's memory as bytes, without a copy.
func view(data *C.char, size C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), size)
}
