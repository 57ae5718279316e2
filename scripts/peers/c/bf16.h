// The sum of rows of BF16 values: in FP32 from zero, in the order given, rounded
// once to nearest even. Values and sums must be finite. Bits are the same with
// AVX-512 and without.
#ifndef PEERS_BF16_H
#define PEERS_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

enum { SUM_BLOCK = 128 }; // values that stay in registers at a time

static inline float bf16_widen(uint16_t v) {
	uint32_t u = (uint32_t)v << 16;
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

static inline uint16_t bf16_round(float f) {
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

// Adds up values from..n of the rows, one block after the other.
static inline void bf16_sum_plain(uint16_t *out, const uint16_t *const *rows, int k, size_t from, size_t n) {
	for (size_t at = from; at < n; at += SUM_BLOCK) {
		size_t m = n - at < SUM_BLOCK ? n - at : SUM_BLOCK;
		float acc[SUM_BLOCK] = {0};
		for (int r = 0; r < k; r++)
			for (size_t i = 0; i < m; i++)
				acc[i] += bf16_widen(rows[r][at + i]);
		for (size_t i = 0; i < m; i++)
			out[at + i] = bf16_round(acc[i]);
	}
}

#ifdef __AVX512F__
// Even values are added in one register and odd ones in another: a shift and a
// mask widen them, and nothing has to be shuffled back.
static inline __m512i bf16_pack(__m512 even, __m512 odd) {
	const __m512i one = _mm512_set1_epi32(1), half = _mm512_set1_epi32(0x7fff);
	__m512i e = _mm512_castps_si512(even), o = _mm512_castps_si512(odd);
	e = _mm512_add_epi32(e, _mm512_add_epi32(half, _mm512_and_si512(_mm512_srli_epi32(e, 16), one)));
	o = _mm512_add_epi32(o, _mm512_add_epi32(half, _mm512_and_si512(_mm512_srli_epi32(o, 16), one)));
	return _mm512_or_si512(_mm512_srli_epi32(e, 16), _mm512_and_si512(o, _mm512_set1_epi32((int)0xffff0000)));
}
#endif

// Writes the sum of k rows of n values to out. While it adds, it fetches what lies
// ahead bytes further, and where a row ends the beginnings of the next sum's: behind
// the k rows there must be as many more pointers to rows. With stream it writes past
// the caches; out must then be at a multiple of 64 bytes.
static inline void bf16_sum(uint16_t *out, const uint16_t *const *rows, int k, size_t n, size_t ahead, bool stream) {
	size_t at = 0;
#ifdef __AVX512F__
	const __m512i high = _mm512_set1_epi32((int)0xffff0000);
	for (; at + SUM_BLOCK <= n; at += SUM_BLOCK) {
		__m512 even[4], odd[4];
		for (int i = 0; i < 4; i++)
			even[i] = odd[i] = _mm512_setzero_ps();
		size_t far = at + ahead / 2;
		const uint16_t *const *from = rows;
		if (far >= n) {
			far -= n;
			from = rows + k;
		}
		for (int r = 0; r < k; r++) {
			for (int i = 0; i < 4; i++) {
				__m512i v = _mm512_loadu_si512(rows[r] + at + 32 * i);
				even[i] = _mm512_add_ps(even[i], _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)));
				odd[i] = _mm512_add_ps(odd[i], _mm512_castsi512_ps(_mm512_and_si512(v, high)));
				if (ahead)
					_mm_prefetch((const char *)(from[r] + far + 32 * i), _MM_HINT_T0);
			}
		}
		for (int i = 0; i < 4; i++) {
			__m512i v = bf16_pack(even[i], odd[i]);
			if (stream)
				_mm512_stream_si512((__m512i *)(void *)(out + at + 32 * i), v);
			else
				_mm512_storeu_si512(out + at + 32 * i, v);
		}
	}
#else
	(void)ahead;
	(void)stream;
#endif
	bf16_sum_plain(out, rows, k, at, n);
}

#endif
