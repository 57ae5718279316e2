// What the peers share: a clock, random numbers, options with bounds.
#ifndef PEERS_COMMON_H
#define PEERS_COMMON_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_USAGE = 2, EXIT_WRONG = 3 };

// Microseconds of a clock that all processes of this host share.
static inline double now_us(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

// SplitMix64.
static inline uint64_t mix(uint64_t x) {
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

// Fills order with a random permutation of 0..n-1.
static inline void shuffle(uint32_t *order, size_t n, uint64_t seed) {
	for (size_t i = 0; i < n; i++) {
		size_t j = mix(seed + i) % (i + 1);
		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
}

// A whole number from lo to hi, and nothing behind it.
static inline bool parse_long(const char *text, long lo, long hi, long *v) {
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < lo || n > hi)
		return false;
	*v = n;
	return true;
}

// An option "-name VALUE": a number from lo to hi, or a text.
struct option {
	const char *name;
	long *number, lo, hi;
	const char **text;
};

// Reads "-name VALUE" pairs. On a mistake it says so (unless quiet) and returns
// false.
static inline bool parse_options(int argc, char **argv, const struct option *options, bool quiet) {
	for (int i = 1; i < argc; i += 2) {
		const struct option *o = options;
		while (o->name && strcmp(o->name, argv[i]))
			o++;
		if (!o->name || i + 1 == argc) {
			if (!quiet)
				fprintf(stderr, "%s: %s: %s\n", argv[0], argv[i], o->name ? "no value" : "no such option");
			return false;
		}
		if (o->text) {
			*o->text = argv[i + 1];
		} else if (!parse_long(argv[i + 1], o->lo, o->hi, o->number)) {
			if (!quiet)
				fprintf(stderr, "%s: %s %s: want a number from %ld to %ld\n", argv[0], argv[i], argv[i + 1], o->lo, o->hi);
			return false;
		}
	}
	return true;
}

#endif
