// What is used of NVIDIA's driver library, declared by its documentation (CUDA Driver API): nothing of
// CUDA's is needed to build. Handles, which are pointers that only the driver follows, are integers here.
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uintptr_t handle;
typedef uint64_t address; // of a GPU's memory

// Each function: name, parameters, and these as arguments. All return a CUresult.
#define FUNCTIONS(X) \
	X(cuInit, (unsigned flags), (flags)) \
	X(cuDriverGetVersion, (int *version), (version)) \
	X(cuGetErrorName, (int code, const char **name), (code, name)) \
	X(cuGetErrorString, (int code, const char **text), (code, text)) \
	X(cuDeviceGetCount, (int *count), (count)) \
	X(cuDeviceGet, (int *device, int number), (device, number)) \
	X(cuDeviceGetName, (char *name, int size, int device), (name, size, device)) \
	X(cuDeviceGetPCIBusId, (char *id, int size, int device), (id, size, device)) \
	X(cuDeviceGetAttribute, (int *value, int attribute, int device), (value, attribute, device)) \
	X(cuDeviceTotalMem_v2, (size_t *bytes, int device), (bytes, device)) \
	X(cuDeviceCanAccessPeer, (int *can, int device, int peer), (can, device, peer)) \
	X(cuDevicePrimaryCtxRetain, (handle *context, int device), (context, device)) \
	X(cuDevicePrimaryCtxRelease_v2, (int device), (device)) \
	X(cuCtxSetCurrent, (handle context), (context)) \
	X(cuCtxEnablePeerAccess, (handle peer, unsigned flags), (peer, flags)) \
	X(cuModuleLoadDataEx, (handle *module, const void *image, unsigned n, int *options, void **values), (module, image, n, options, values)) \
	X(cuModuleGetFunction, (handle *function, handle module, const char *name), (function, module, name)) \
	X(cuModuleUnload, (handle module), (module)) \
	X(cuFuncSetAttribute, (handle function, int attribute, int value), (function, attribute, value)) \
	X(cuMemGetInfo_v2, (size_t *left, size_t *total), (left, total)) \
	X(cuMemAlloc_v2, (address *at, size_t bytes), (at, bytes)) \
	X(cuMemFree_v2, (address at), (at)) \
	X(cuMemHostAlloc, (void **at, size_t bytes, unsigned flags), (at, bytes, flags)) \
	X(cuMemFreeHost, (void *at), (at)) \
	X(cuMemcpyHtoDAsync_v2, (address dst, const void *src, size_t bytes, handle stream), (dst, src, bytes, stream)) \
	X(cuMemcpyDtoHAsync_v2, (void *dst, address src, size_t bytes, handle stream), (dst, src, bytes, stream)) \
	X(cuMemcpyPeerAsync, (address dst, handle dst_context, address src, handle src_context, size_t bytes, handle stream), (dst, dst_context, src, src_context, bytes, stream)) \
	X(cuStreamCreate, (handle *stream, unsigned flags), (stream, flags)) \
	X(cuStreamSynchronize, (handle stream), (stream)) \
	X(cuStreamDestroy_v2, (handle stream), (stream)) \
	X(cuEventCreate, (handle *event, unsigned flags), (event, flags)) \
	X(cuEventRecord, (handle event, handle stream), (event, stream)) \
	X(cuEventSynchronize, (handle event), (event)) \
	X(cuEventElapsedTime, (float *ms, handle begin, handle end), (ms, begin, end)) \
	X(cuEventDestroy_v2, (handle event), (event)) \
	X(cuLaunchKernel, (handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, handle stream, void **params, void **extra), \
		(function, gx, gy, gz, bx, by, bz, shared, stream, params, extra))

enum { // of CUresult
	OUT_OF_MEMORY = 2,
	STUB_LIBRARY = 34,
	DEVICE_UNAVAILABLE = 46,
	NO_DEVICE = 100,
	INVALID_IMAGE = 200,
	NO_BINARY_FOR_GPU = 209,
	INVALID_PTX = 218,
	JIT_COMPILER_NOT_FOUND = 221,
	UNSUPPORTED_PTX_VERSION = 222,
	PEER_ACCESS_UNSUPPORTED = 217,
	PEER_ACCESS_ALREADY_ENABLED = 704,
	TOO_MANY_PEERS = 711,
	SYSTEM_NOT_READY = 802,
	SYSTEM_DRIVER_MISMATCH = 803,
};

enum { // of CUdevice_attribute
	MULTIPROCESSOR_COUNT = 16,
	L2_CACHE_SIZE = 38,
	CAPABILITY_MAJOR = 75,
	CAPABILITY_MINOR = 76,
	SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
	SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};

enum { MAX_DYNAMIC_SHARED_SIZE_BYTES = 8 };                                // of CUfunction_attribute
enum { THREADS_PER_BLOCK = 1, ERROR_LOG = 5, ERROR_LOG_SIZE_BYTES = 6 }; // of CUjit_option

#define MEMBER(name, params, args) int (*name) params;
struct driver {
	FUNCTIONS(MEMBER)
};

// open_driver loads the library. 0 is success; 1 that it cannot be loaded, 2 that it lacks a function: why says which.
static inline int open_driver(struct driver *d, const char *path, char *why, size_t size)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		snprintf(why, size, "%s", dlerror());
		return 1;
	}
#define LOAD(name, params, args) \
	if (!(*(void **)&d->name = dlsym(lib, #name))) { \
		snprintf(why, size, "%s", #name); \
		dlclose(lib); \
		return 2; \
	}
	FUNCTIONS(LOAD)
	return 0;
}

// on_X calls X, after it has made the context the calling thread's, where one is given. A goroutine
// may be on another thread at each call, but not within one.
#define LIST(...) __VA_ARGS__
#define CALL(name, params, args) \
	static inline int on_##name(struct driver *driver, handle in, LIST params) \
	{ \
		int failed = in ? driver->cuCtxSetCurrent(in) : 0; \
		return failed ? failed : driver->name args; \
	}
FUNCTIONS(CALL)

// load has the driver compile PTX for blocks of so many threads, and gives what it says against it.
static inline int load(struct driver *d, handle context, handle *module, const char *ptx, unsigned threads, char *log, size_t size)
{
	int options[] = { THREADS_PER_BLOCK, ERROR_LOG, ERROR_LOG_SIZE_BYTES };
	void *values[] = { (void *)(uintptr_t)threads, log, (void *)(uintptr_t)size };
	return on_cuModuleLoadDataEx(d, context, module, ptx, 3, options, values);
}

enum { MOST_ARGS = 8 };

// launch has the arguments in an array, of which the driver copies what the kernel takes.
static inline int launch(struct driver *d, handle context, handle function, unsigned blocks, unsigned threads, unsigned shared, handle stream, uint64_t *args)
{
	void *params[MOST_ARGS];
	for (int i = 0; i < MOST_ARGS; i++)
		params[i] = &args[i];
	return on_cuLaunchKernel(d, context, function, blocks, 1, 1, threads, 1, 1, shared, stream, params, NULL);
}
