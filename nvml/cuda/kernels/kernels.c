// The kernels that commbench runs on a GPU. They include nothing: clang makes PTX of them
// (scripts/ptx), and the driver of the tests includes them as they are, to run them on the host.
//
// Every argument has 64 bits, and the first is the address of what is written. Sizes are in vectors of
// 16 bytes, to which addresses are aligned. A grid is a line of blocks and a block a line of threads. Each
// thread goes through the data in steps of the whole grid. sms, where there is one, is told the SM of
// each block.
typedef unsigned u32;
typedef unsigned long long u64;
typedef u32 vec __attribute__((vector_size(16)));
typedef float real __attribute__((vector_size(16)));

#ifdef __NVPTX__ // else whoever includes this defines them
#define KERNEL __attribute__((nvptx_kernel)) void
#define GLOBAL __attribute__((address_space(1)))
#define THREAD __nvvm_read_ptx_sreg_tid_x()
#define THREADS __nvvm_read_ptx_sreg_ntid_x()
#define BLOCK __nvvm_read_ptx_sreg_ctaid_x()
#define BLOCKS __nvvm_read_ptx_sreg_nctaid_x()
#define SM __nvvm_read_ptx_sreg_smid()
#endif

#define AT(address) ((GLOBAL vec *)(address))
#define FIRST ((u64)BLOCK * THREADS + THREAD)
#define STEP ((u64)BLOCKS * THREADS)

enum {
	WAY = 4,     // vectors that a thread has on the way: 64 KiB of an SM with 1,024 threads
	ADDENDS = 8, // of a sum
	ODD = 0x9e3779b1,
};

static void tell(u64 sms)
{
	if (THREAD == 0)
		((GLOBAL u32 *)sms)[BLOCK] = SM;
}

// words is vector i of the data: word w of 32 bits is w x ODD + seed, no two of 2^32 alike.
static vec words(u64 i, u64 seed)
{
	u32 first = 4 * (u32)i * ODD + (u32)seed;
	return (vec){ first, first + ODD, first + 2 * (u32)ODD, first + 3 * (u32)ODD };
}

KERNEL nothing(void) {}

// The words are masked, which makes numbers of moderate size of them where they are BF16.
KERNEL write_words(u64 dst, u64 n, u64 seed, u64 and, u64 or, u64 sms)
{
	tell(sms);
	for (u64 i = FIRST; i < n; i += STEP)
		AT(dst)[i] = (words(i, seed) & (u32)and) | (u32)or;
}

// Each thread leaves the sum of what it read: a compiler must not leave the reading out.
KERNEL read_words(u64 sums, u64 src, u64 n, u64 sms)
{
	vec sum = { 0 }, way[WAY];
	u64 i = FIRST;
	tell(sms);
	for (; i + (WAY - 1) * STEP < n; i += WAY * STEP) {
		for (int w = 0; w < WAY; w++)
			way[w] = AT(src)[i + w * STEP];
		for (int w = 0; w < WAY; w++)
			sum += way[w];
	}
	for (; i < n; i += STEP)
		sum += AT(src)[i];
	AT(sums)[FIRST] = sum;
}

KERNEL copy_words(u64 dst, u64 src, u64 n, u64 sms)
{
	vec way[WAY];
	u64 i = FIRST;
	tell(sms);
	for (; i + (WAY - 1) * STEP < n; i += WAY * STEP) {
		for (int w = 0; w < WAY; w++)
			way[w] = AT(src)[i + w * STEP];
		for (int w = 0; w < WAY; w++)
			AT(dst)[i + w * STEP] = way[w];
	}
	for (; i < n; i += STEP)
		AT(dst)[i] = AT(src)[i];
}

// nearest is the BF16 nearest to each, ties to even, and 0x7fc0 for every NaN, as alltoall/kernel has it.
static vec nearest(real f)
{
	vec u = (vec)f, nan = (vec)((u & 0x7fffffff) > 0x7f800000);
	return (nan & 0x7fc0) | (~nan & ((u + 0x7fff + (u >> 16 & 1)) >> 16));
}

// Adds up rows of BF16, in FP32 from zero and in their order: n vectors of dst, of ADDENDS times n of src.
KERNEL reduce_rows(u64 dst, u64 src, u64 n, u64 sms)
{
	vec way[ADDENDS];
	tell(sms);
	for (u64 i = FIRST; i < n; i += STEP) {
		real low = { 0 }, high = { 0 };
		for (int a = 0; a < ADDENDS; a++)
			way[a] = AT(src)[a * n + i];
		for (int a = 0; a < ADDENDS; a++) {
			low += (real)(way[a] << 16);
			high += (real)(way[a] & 0xffff0000);
		}
		AT(dst)[i] = nearest(low) | nearest(high) << 16;
	}
}

// Each thread leaves how many words are not those of write_words with the seed and without a mask.
KERNEL count_wrong(u64 counts, u64 src, u64 n, u64 seed)
{
	vec wrong = { 0 };
	for (u64 i = FIRST; i < n; i += STEP)
		wrong -= (vec)(AT(src)[i] != words(i, seed));
	AT(counts)[FIRST] = wrong;
}
