// What this machine's memory gives a program that copies or adds up rows out of
// cache: the ceilings of a dispatch and of a combine.
//
//	limit -kind memcpy|nt|reduce [-row BYTES] [-values N] [-k N] [-threads N]
//	      [-mib N] [-samples N] [-huge 0|1]
//
// Every thread owns a pool and an equally large target, so many MiB each. For each
// sample it prints a line: GB/s (1e9) of all threads, and how they were had.
//
//	memcpy  rows of row bytes copied from and to random places; bytes written
//	nt      the same with AVX-512 stores past the caches (without AVX-512: memcpy)
//	reduce  sums of k rows of BF16 values from random places; bytes read. The best of
//	        several ways (plain and streaming stores, distances of prefetching), which
//	        lines with # list
//
// Exit codes: 1 it failed, 2 the command line is wrong, 3 a sum was wrong.
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bf16.h"
#include "common.h"

static long threads, row = 7456, values = 7168, addends = 8, mib = 512, samples = 5, huge;
static const char *kind = "";

// The ways of the reduction that are tried.
static const struct {
	const char *name;
	bool stream;
	size_t ahead;
} ways[] = {
	{"store", false, 0},
#ifdef __AVX512F__
	{"store, 512 bytes ahead", false, 512},
	{"stream", true, 0},
	{"stream, 512 bytes ahead", true, 512},
	{"stream, 1024 bytes ahead", true, 1024},
	{"stream, 2048 bytes ahead", true, 2048},
#endif
};
enum { MEMCPY, NT, REDUCE, JOBS = REDUCE + (int)(sizeof ways / sizeof *ways) };

struct worker {
	pthread_t thread;
	char *src, *dst;
	size_t copies, sums;
	uint32_t *from, *to;   // random orders of the rows that are copied
	const uint16_t **rows; // the rows that are added up, in random order
	double bytes, end;     // of the last job
};

static pthread_barrier_t barrier;
static int job; // what all workers do next

// Rows that are added up lie at cache lines of their own, and so do the sums.
static size_t stride(void) { return ((size_t)values * 2 + 63) & ~(size_t)63; }

static uint16_t *sum_at(const struct worker *w, size_t i) { return (void *)(w->dst + i * stride()); }

static void copy_nt(char *to, const char *from, size_t n) {
	size_t i = 0;
#ifdef __AVX512F__
	// A row need not start at a cache line: the ends are copied plainly.
	size_t head = -(uintptr_t)to & 63;
	memcpy(to, from, head);
	for (i = head; i + 256 <= n; i += 256) {
		__m512i a = _mm512_loadu_si512(from + i), b = _mm512_loadu_si512(from + i + 64);
		__m512i c = _mm512_loadu_si512(from + i + 128), d = _mm512_loadu_si512(from + i + 192);
		_mm512_stream_si512((__m512i *)(void *)(to + i), a);
		_mm512_stream_si512((__m512i *)(void *)(to + i + 64), b);
		_mm512_stream_si512((__m512i *)(void *)(to + i + 128), c);
		_mm512_stream_si512((__m512i *)(void *)(to + i + 192), d);
	}
#endif
	memcpy(to + i, from + i, n - i);
}

static void reduce(struct worker *w, bool stream, size_t ahead) {
	for (size_t i = 0; i < w->sums; i++)
		bf16_sum(sum_at(w, i), w->rows + i * (size_t)addends, (int)addends, (size_t)values, ahead, stream);
	w->bytes = (double)w->sums * (double)addends * (double)values * 2;
}

static void *work(void *arg) {
	struct worker *w = arg;
	for (;;) {
		pthread_barrier_wait(&barrier);
		if (job >= REDUCE) {
			reduce(w, ways[job - REDUCE].stream, ways[job - REDUCE].ahead);
		} else {
			size_t n = (size_t)row;
			for (size_t i = 0; i < w->copies; i++) {
				if (job == NT)
					copy_nt(w->dst + w->to[i] * n, w->src + w->from[i] * n, n);
				else
					memcpy(w->dst + w->to[i] * n, w->src + w->from[i] * n, n);
			}
			w->bytes = (double)w->copies * (double)n;
		}
#ifdef __AVX512F__
		_mm_sfence();
#endif
		w->end = now_us();
		pthread_barrier_wait(&barrier);
	}
	return NULL; // never: workers end with the process
}

// Runs a job on all workers and returns its GB/s.
static double run(struct worker *workers, int what) {
	double bytes = 0, end = 0;
	job = what;
	double start = now_us();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (long t = 0; t < threads; t++) {
		bytes += workers[t].bytes;
		if (workers[t].end > end)
			end = workers[t].end;
	}
	return bytes / (end - start) / 1e3;
}

// Compares some sums of the last job with plain ones.
static bool right(const struct worker *w) {
	uint16_t *want = malloc((size_t)values * 2);
	bool ok = want != NULL;
	for (size_t i = 0; ok && i < w->sums; i += 1 + w->sums / 16) {
		bf16_sum_plain(want, w->rows + i * (size_t)addends, (int)addends, 0, (size_t)values);
		ok = !memcmp(want, sum_at(w, i), (size_t)values * 2);
	}
	free(want);
	return ok;
}

static char *pool(size_t bytes) {
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	if (huge)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

// Gives a worker its memory, with values from 0.5 to 1 of either sign in it.
static bool prepare(struct worker *w, uint64_t seed) {
	size_t bytes = (size_t)mib << 20, rows = bytes / stride(), k = (size_t)addends;
	w->copies = bytes / (size_t)row;
	w->sums = rows / k;
	size_t most = rows > w->copies ? rows : w->copies;
	w->src = pool(bytes);
	w->dst = pool(bytes);
	w->from = malloc(most * sizeof *w->from);
	w->to = malloc(most * sizeof *w->to);
	w->rows = malloc((rows + k) * sizeof *w->rows);
	if (!w->src || !w->dst || !w->from || !w->to || !w->rows)
		return false;
	uint64_t *words = (void *)w->src;
	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = (mix(seed << 40 | i) & 0x807f807f807f807f) | 0x3f003f003f003f00;
	memset(w->dst, 1, bytes);
	shuffle(w->from, rows, seed << 40 | 1);
	for (size_t i = 0; i < rows + k; i++) // the last k are only fetched ahead
		w->rows[i] = (const void *)(w->src + w->from[i % rows] * stride());
	shuffle(w->from, w->copies, seed << 40 | 2);
	shuffle(w->to, w->copies, seed << 40 | 3);
	return true;
}

int main(int argc, char **argv) {
	threads = sysconf(_SC_NPROCESSORS_ONLN);
	const struct option options[] = {
		{"-kind", NULL, 0, 0, &kind}, {"-threads", &threads, 1, 1024, NULL}, {"-row", &row, 64, 1 << 22, NULL}, {"-values", &values, 32, 1 << 20, NULL},
		{"-k", &addends, 1, 64, NULL}, {"-mib", &mib, 1, 1 << 20, NULL}, {"-samples", &samples, 1, 1 << 20, NULL},
		{"-huge", &huge, 0, 1, NULL}, {0}};
	if (!parse_options(argc, argv, options, false))
		return EXIT_USAGE;
	int first = !strcmp(kind, "memcpy") ? MEMCPY : !strcmp(kind, "nt") ? NT : REDUCE, last = first < REDUCE ? first + 1 : JOBS;
	if (first == REDUCE && strcmp(kind, "reduce")) {
		fprintf(stderr, "limit: -kind: want memcpy, nt or reduce\n");
		return EXIT_USAGE;
	}
	double have = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	if ((double)threads * (double)mib * 2 * (1 << 20) > 0.8 * have || (double)addends * ((double)values * 2 + 64) > (double)mib * (1 << 20) || row > mib << 20) {
		fprintf(stderr, "limit: %ld threads x 2 x %ld MiB do not fit this machine, or hold no sum\n", threads, mib);
		return EXIT_USAGE;
	}
	struct worker *workers = calloc((size_t)threads, sizeof *workers);
	bool ok = workers && !pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
	for (long t = 0; ok && t < threads; t++)
		ok = prepare(&workers[t], (uint64_t)t + 1) && !pthread_create(&workers[t].thread, NULL, work, &workers[t]);
	if (!ok) {
		fprintf(stderr, "limit: no memory, or no thread\n");
		return 1;
	}
	for (long s = 0; s < samples; s++) {
		double best = 0;
		const char *how = kind;
		for (int j = first; j < last; j++) {
			double rate = run(workers, j);
			if (j >= REDUCE) {
				if (!right(&workers[0])) {
					fprintf(stderr, "limit: a sum is wrong\n");
					return EXIT_WRONG;
				}
				printf("# %.3f %s\n", rate, ways[j - REDUCE].name);
			}
			if (rate > best) {
				best = rate;
				how = j < REDUCE ? kind : ways[j - REDUCE].name;
			}
		}
		printf("%.3f %s\n", best, how);
		fflush(stdout);
	}
	return 0;
}
