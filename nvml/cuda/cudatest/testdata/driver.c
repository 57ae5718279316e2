// A driver library for tests: the functions of driver.h on the memory of this host. A launch runs the very
// kernels that PTX is made of, one thread after the other. It is as strict as the real one where
// that helps to find mistakes: wrong contexts, addresses and sizes are refused.
//
// Time is virtual: an SM moves 20 GB/s, all of them at most 200, a copy from the host 25, one to the
// host 20, one between GPUs 100, or 10 by way of the host; a launch takes 0.2 us and an event 0.05. What else it shall be is
// told by COMMBENCH_TEST_CUDA, words such as "devices=2 sms=16". Package cudatest lists them.
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "../../driver.h"

#define DECLARE(name, params, args) int name params;
FUNCTIONS(DECLARE)

enum { INVALID_VALUE = 1, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201, INVALID_HANDLE = 400, NOT_FOUND = 500 };
enum { MOST_DEVICES = 8, MOST_PIECES = 4096, SHARED_SM = 228 << 10, SHARED_BLOCK = 227 << 10 };

static char told[1024];
static unsigned long long now; // virtual ns
static int failures;
static struct { char *at; size_t bytes; int device; } pieces[MOST_PIECES]; // of memory; device 0: of the host
static _Thread_local int current;                                        // number + 1, as all handles

// tell is the number that key has been told, or other.
static long tell_of(const char *key, long other)
{
	char word[64];
	snprintf(word, sizeof word, " %s=", key);
	char *at = strstr(told, word);
	return at ? strtol(at + strlen(word), NULL, 0) : other;
}

// is says whether key was told to be name.
static int is(const char *key, const char *name)
{
	char word[128];
	snprintf(word, sizeof word, " %s=%s", key, name);
	char *at = strstr(told, word);
	return at && strchr(" :@", at[strlen(word)]);
}

// fails is the code that a call must return: "fail=cuMemAlloc_v2:2@3" is code 2 at the third call.
static int fails(const char *call)
{
	if (!is("fail", call))
		return 0;
	char *at = strchr(strstr(told, " fail="), ':'), *end;
	int code = at ? (int)strtol(at + 1, &end, 10) : 1;
	int nth = at && *end == '@' ? atoi(end + 1) : 1;
	return ++failures >= nth ? code : 0;
}

#define MAY_FAIL do { int code = fails(__func__); if (code) return code; } while (0)
#define NEEDS(ok, code) do { if (!(ok)) return code; } while (0)

static unsigned THREAD, THREADS, BLOCK, BLOCKS, SM;
#define KERNEL static void
#define GLOBAL
#include "../../kernels/kernels.c"

// bytes is what n vectors of a kernel move.
static struct kernel { const char *name; void (*run)(); int params, n, bytes; } all[] = {
	{ "nothing", nothing, 0, -1, 0 }, { "write_words", write_words, 6, 1, 16 }, { "read_words", read_words, 4, 2, 16 },
	{ "copy_words", copy_words, 4, 2, 32 }, { "reduce_rows", reduce_rows, 4, 2, 9 * 16 }, { "count_wrong", count_wrong, 4, 2, 16 },
};
static int shared_max[sizeof all / sizeof *all];

static void took(double bytes, double gbps) { now += (unsigned long long)(bytes / gbps); }

// piece is which one has all of the bytes at an address, or -1.
static int piece(const void *at, size_t bytes, int device)
{
	for (int i = 0; i < MOST_PIECES; i++)
		if (pieces[i].at && pieces[i].device == device && (char *)at >= pieces[i].at && (char *)at + bytes <= pieces[i].at + pieces[i].bytes)
			return i;
	return -1;
}

static int take(void **at, size_t bytes, int device)
{
	for (int i = 0; i < MOST_PIECES; i++)
		if (!pieces[i].at) {
			*at = pieces[i].at = aligned_alloc(256, (bytes + 255) / 256 * 256);
			memset(*at, 0x5a, bytes);
			pieces[i].bytes = bytes, pieces[i].device = device;
			return 0;
		}
	return OUT_OF_MEMORY;
}

static int give(void *at, int device)
{
	int i = piece(at, 1, device);
	NEEDS(i >= 0 && pieces[i].at == at, INVALID_VALUE);
	free(at);
	pieces[i].at = NULL;
	return 0;
}

static size_t left(void)
{
	size_t bytes = (size_t)tell_of("mib", 1024) << 20;
	for (int i = 0; i < MOST_PIECES; i++)
		if (pieces[i].at && pieces[i].device == current)
			bytes -= pieces[i].bytes;
	return bytes;
}

static int copied(const char *name, char *dst, const char *src, size_t bytes, double gbps)
{
	memcpy(dst, src, bytes);
	if (is("flip", name))
		dst[bytes / 2] ^= 1;
	took(bytes, gbps);
	return 0;
}

int cuInit(unsigned flags)
{
	const char *env = getenv("COMMBENCH_TEST_CUDA");
	snprintf(told, sizeof told, " %s ", env ? env : "");
	now = 0, failures = 0;
	MAY_FAIL;
	return flags ? INVALID_VALUE : tell_of("devices", 1) ? 0 : NO_DEVICE;
}

int cuDriverGetVersion(int *version) { MAY_FAIL; *version = (int)tell_of("cuda", 12080); return 0; }
int cuDeviceGetCount(int *count) { MAY_FAIL; *count = (int)tell_of("devices", 1); return 0; }
int cuDeviceGet(int *device, int number) { MAY_FAIL; *device = number + 100; return number < tell_of("devices", 1) ? 0 : INVALID_DEVICE; }
int cuDeviceGetName(char *name, int size, int device) { MAY_FAIL; (void)device; snprintf(name, size, "Host that stands in for a GPU"); return 0; }
int cuDeviceGetPCIBusId(char *id, int size, int device) {
	static const int bus[8] = {0x1b, 0x43, 0x52, 0x61, 0x9d, 0xc3, 0xd1, 0xdf}; // as on a board of eight
	MAY_FAIL;
	snprintf(id, size, "0000:%02X:00.0", bus[(device - 100) % 8]);
	return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { MAY_FAIL; (void)device; *bytes = (size_t)tell_of("mib", 1024) << 20; return 0; }

int cuGetErrorName(int code, const char **name)
{
	*name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : code == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE" : NULL;
	return *name ? 0 : INVALID_VALUE;
}
int cuGetErrorString(int code, const char **text)
{
	*text = code == OUT_OF_MEMORY ? "out of memory" : code == NO_DEVICE ? "no CUDA-capable device is detected" : NULL;
	return *text ? 0 : INVALID_VALUE;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	MAY_FAIL;
	NEEDS(device >= 100 && device < 100 + tell_of("devices", 1), INVALID_DEVICE);
	int capability = (int)tell_of("capability", 90);
	switch (attribute) {
	case MULTIPROCESSOR_COUNT: *value = (int)tell_of("sms", 16); return 0;
	case L2_CACHE_SIZE: *value = 1 << 15; return 0;
	case CAPABILITY_MAJOR: *value = capability / 10; return 0;
	case CAPABILITY_MINOR: *value = capability % 10; return 0;
	case SHARED_MEMORY_PER_MULTIPROCESSOR: *value = SHARED_SM; return 0;
	case SHARED_MEMORY_PER_BLOCK_OPTIN: *value = (int)tell_of("shared", SHARED_BLOCK); return 0;
	}
	return INVALID_VALUE;
}

int cuDeviceCanAccessPeer(int *can, int device, int peer) { MAY_FAIL; *can = device != peer && tell_of("access", 1); return 0; }
int cuDevicePrimaryCtxRetain(handle *context, int device) { MAY_FAIL; *context = device - 99; return 0; }
int cuCtxSetCurrent(handle context) { current = (int)context; return 0; }
int cuCtxEnablePeerAccess(handle peer, unsigned flags) { MAY_FAIL; NEEDS(current && peer && !flags, INVALID_CONTEXT); return 0; }

// All must have been freed before.
int cuDevicePrimaryCtxRelease_v2(int device)
{
	for (int i = 0; i < MOST_PIECES; i++)
		NEEDS(!pieces[i].at || pieces[i].device != device - 99, INVALID_CONTEXT);
	return 0;
}

int cuModuleLoadDataEx(handle *module, const void *image, unsigned n, int *options, void **values)
{
	const char *version = strstr(image, "\n.version "), *target = strstr(image, "\n.target sm_");
	NEEDS(current && n == 3 && options[0] == THREADS_PER_BLOCK && options[1] == ERROR_LOG && options[2] == ERROR_LOG_SIZE_BYTES, INVALID_VALUE);
	snprintf(values[1], (size_t)values[2], "%s", is("fail", __func__) ? "ptxas error : told to fail" : "");
	MAY_FAIL;
	NEEDS(version && target, INVALID_IMAGE);
	NEEDS(atof(version + 10) < (tell_of("cuda", 12080) >= 11080 ? 7.85 : 7.75), UNSUPPORTED_PTX_VERSION);
	NEEDS(atoi(target + 12) <= tell_of("capability", 90), NO_BINARY_FOR_GPU);
	*module = current;
	return 0;
}

int cuModuleGetFunction(handle *function, handle module, const char *name)
{
	MAY_FAIL;
	NEEDS(current && module == (handle)current, INVALID_HANDLE);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i].name, name)) {
			*function = i + 1;
			return 0;
		}
	return NOT_FOUND;
}

int cuModuleUnload(handle module) { return current && module == (handle)current ? 0 : INVALID_HANDLE; }
int cuFuncSetAttribute(handle f, int attribute, int value)
{
	MAY_FAIL;
	NEEDS(attribute == MAX_DYNAMIC_SHARED_SIZE_BYTES && value <= SHARED_BLOCK, INVALID_VALUE);
	shared_max[f - 1] = value;
	return 0;
}

int cuMemGetInfo_v2(size_t *unused, size_t *total) { MAY_FAIL; NEEDS(current, INVALID_CONTEXT); *unused = left(); *total = tell_of("mib", 1024) << 20; return 0; }
int cuMemAlloc_v2(address *at, size_t bytes) { MAY_FAIL; NEEDS(current, INVALID_CONTEXT); return bytes > left() ? OUT_OF_MEMORY : take((void **)at, bytes, current); }
int cuMemFree_v2(address at) { return give((void *)at, current); }
int cuMemHostAlloc(void **at, size_t bytes, unsigned flags) { MAY_FAIL; NEEDS(current && flags == 1, INVALID_CONTEXT); return take(at, bytes, 0); }
int cuMemFreeHost(void *at) { return give(at, 0); }

int cuMemcpyHtoDAsync_v2(address dst, const void *src, size_t bytes, handle stream)
{
	MAY_FAIL;
	NEEDS(stream == (handle)current && piece((void *)dst, bytes, current) >= 0 && piece(src, bytes, 0) >= 0, INVALID_VALUE);
	return copied(__func__, (char *)dst, src, bytes, 25);
}
int cuMemcpyDtoHAsync_v2(void *dst, address src, size_t bytes, handle stream)
{
	MAY_FAIL;
	NEEDS(stream == (handle)current && piece((void *)src, bytes, current) >= 0 && piece(dst, bytes, 0) >= 0, INVALID_VALUE);
	return copied(__func__, dst, (char *)src, bytes, 20);
}
int cuMemcpyPeerAsync(address dst, handle dst_context, address src, handle src_context, size_t bytes, handle stream)
{
	MAY_FAIL;
	NEEDS(stream == src_context && piece((void *)dst, bytes, (int)dst_context) >= 0 && piece((void *)src, bytes, (int)src_context) >= 0, INVALID_VALUE);
	return copied(__func__, (char *)dst, (char *)src, bytes, tell_of("access", 1) ? 100 : 10);
}

int cuStreamCreate(handle *stream, unsigned flags) { MAY_FAIL; *stream = current; return flags == 1 ? 0 : INVALID_VALUE; }
int cuStreamSynchronize(handle stream) { MAY_FAIL; return stream == (handle)current ? 0 : INVALID_HANDLE; }
int cuStreamDestroy_v2(handle stream) { return stream == (handle)current ? 0 : INVALID_HANDLE; }
int cuEventCreate(handle *event, unsigned flags) { MAY_FAIL; *event = (handle)calloc(1, sizeof now); return flags; }
int cuEventRecord(handle event, handle stream) { MAY_FAIL; NEEDS(stream == (handle)current, INVALID_HANDLE); *(unsigned long long *)event = now += 50; return 0; }
int cuEventSynchronize(handle event) { MAY_FAIL; return event ? 0 : INVALID_HANDLE; }
int cuEventDestroy_v2(handle event) { free((void *)event); return 0; }
int cuEventElapsedTime(float *ms, handle begin, handle end)
{
	MAY_FAIL;
	*ms = (float)((double)(*(unsigned long long *)end - *(unsigned long long *)begin) / 1e6);
	return 0;
}

int cuLaunchKernel(handle f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, handle stream, void **params, void **extra)
{
	MAY_FAIL;
	struct kernel *k = &all[f - 1];
	unsigned sms = (unsigned)tell_of("sms", 16);
	NEEDS(stream == (handle)current && gx && bx && gy * gz * by * bz == 1 && bx <= 1024 && (int)shared <= shared_max[f - 1] && !extra, INVALID_VALUE);
	u64 a[6] = { 0 };
	for (int i = 0; i < k->params; i++)
		a[i] = *(u64 *)params[i];
	// Two blocks share an SM where their shared memory lets them, or where that was told.
	int alone = 2 * shared > SHARED_SM && !tell_of("crowd", 0);
	for (BLOCKS = gx, THREADS = bx, BLOCK = 0; BLOCK < gx; BLOCK++)
		for (SM = (alone ? BLOCK : BLOCK / 2) % sms, THREAD = 0; THREAD < bx; THREAD++)
			k->run(a[0], a[1], a[2], a[3], a[4], a[5]);
	if (is("flip", k->name))
		*(char *)a[0] ^= 1;
	now += 200;
	if (k->n >= 0)
		took((double)a[k->n] * k->bytes, 20.0 * gx < 200 ? 20.0 * gx : 200);
	return 0;
}
