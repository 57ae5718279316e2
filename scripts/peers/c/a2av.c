// A dispatch or a combine as a program would do it with MPI_Alltoallv, over the
// rows that a traffic matrix states: pack, exchange, and unpack or reduce.
//
//	mpirun -n RANKS a2av -op dispatch|combine -matrix FILE -row BYTES -tokens N
//	                     [-values N] [-iters N] [-warmup N] [-seed N]
//
// The matrix has a line for each rank that sends, whitespace-separated cells, cell
// [i][j] = bytes from i to j, each so many rows of row bytes. Which of the rank's
// tokens those are is random, from the seed, no token twice in a cell.
//
// dispatch: every rank packs the rows of its tokens by target, a token being read
// once for all its targets; exchanges them; and copies what came to random places,
// as it would to sort it by expert.
// combine: every rank packs rows (expert outputs) from random places by home rank;
// exchanges them; and adds up, for each of its tokens, the first N BF16 values of
// the rows that came back for it, in FP32 in rank order. What follows the values in a
// row (weights) travels and is not added.
//
// Memory is touched, places are known and counts are exchanged before the clock starts.
// Each iteration starts from a barrier. For each rank 0 prints a line, in microseconds:
//
//	iter total pack exchange finish span
//
// total is the slowest rank's own time, as the OSU benchmarks count it, the next three
// are that rank's parts, and span is from the first rank's start to the last one's end.
// A last iteration, not timed, is checked: every row of a dispatch, and every sum of a
// combine, made anew.
//
// Exit codes: 1 it failed, 2 the command line or the matrix is wrong, 3 data were wrong.
#define _GNU_SOURCE
#include <mpi.h>
#include <unistd.h>

#include "bf16.h"
#include "common.h"

enum { MAX_FILE = 1 << 24, MAX_TOKENS = 1 << 20, MAX_ROW = 1 << 22 };

static int rank, ranks;
static long row_bytes, values, tokens, iters = 3, warmup = 1, seed = 1;
static const char *op = "", *matrix_file = "";
static bool combine;

static bool usage(const char *what) {
	if (rank == 0)
		fprintf(stderr, "a2av: %s\n", what);
	return false;
}

static void *need(size_t bytes) {
	void *p = NULL;
	if (posix_memalign(&p, 64, bytes + 64)) {
		fprintf(stderr, "a2av: rank %d: no memory\n", rank);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	return memset(p, 1, bytes + 64); // every page is touched here
}

// The matrix, in rows; NULL if the file is not one for this number of ranks.
static int *read_matrix(void) {
	FILE *f = fopen(matrix_file, "rb");
	if (!f) {
		usage("cannot open the matrix");
		return NULL;
	}
	char *text = calloc(1, MAX_FILE + 1);
	size_t n = text ? fread(text, 1, MAX_FILE, f) : 0;
	fclose(f);
	size_t cells = (size_t)ranks * (size_t)ranks, got = 0;
	int *m = need(cells * sizeof *m);
	const char *bad = n == MAX_FILE ? "the matrix file is too large" : NULL;
	for (char *word = n ? strtok(text, " \t\r\n") : NULL; word && !bad; word = strtok(NULL, " \t\r\n")) {
		long bytes;
		if (!parse_long(word, 0, (long)MAX_TOKENS * MAX_ROW, &bytes) || bytes % row_bytes)
			bad = "a cell is no number of rows";
		else if (bytes / row_bytes > tokens)
			bad = "a cell has more rows than a rank has tokens";
		else if (got == cells)
			bad = "the matrix has more cells than ranks x ranks";
		else
			m[got++] = (int)(bytes / row_bytes);
	}
	if (!bad && got < cells)
		bad = "the matrix has fewer cells than ranks x ranks";
	free(text);
	if (bad) {
		usage(bad);
		free(m);
		return NULL;
	}
	return m;
}

static bool fits(const int *m) {
	double rows = 0;
	for (long i = 0; i < (long)ranks * ranks; i++)
		rows += m[i];
	double bytes = (3 * rows + 2 * (double)ranks * (double)tokens) * (double)row_bytes;
	return bytes < 0.9 * (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) || usage("the workload does not fit this machine's memory");
}

// The n distinct tokens of home that go to target, ascending (Knuth's algorithm S).
static void choose(uint32_t *out, int n, int home, int target) {
	uint64_t s = mix((uint64_t)seed << 40 ^ (uint64_t)home << 20 ^ (uint64_t)target);
	long left = tokens;
	for (uint32_t t = 0; n > 0; t++, left--) {
		if (mix(s + t) % (uint64_t)left < (uint64_t)n) {
			*out++ = t;
			n--;
		}
	}
}

// Word i of the row that rank from makes for (or of) a token of home. As BF16 they
// are from 0.5 to 1, of either sign.
static inline uint64_t word(int from, int home, uint32_t token, size_t i) {
	uint64_t key = mix((uint64_t)from << 42 ^ (uint64_t)home << 21 ^ token);
	return ((key + i) * 0xbf58476d1ce4e5b9 & 0x807f807f807f807f) | 0x3f003f003f003f00;
}

static void fill(char *row, int from, int home, uint32_t token) {
	for (size_t i = 0; i < (size_t)row_bytes / 8; i++) {
		uint64_t w = word(from, home, token, i);
		memcpy(row + 8 * i, &w, 8);
	}
}

static bool same(const char *row, int from, int home, uint32_t token) {
	for (size_t i = 0; i < (size_t)row_bytes / 8; i++) {
		uint64_t w = word(from, home, token, i);
		if (memcmp(row + 8 * i, &w, 8))
			return false;
	}
	return true;
}

// One direction of the exchange: rows by peer.
struct side {
	int *count, *start; // [ranks], [ranks+1]
	uint32_t *token;    // [rows] in order of the peers: whose token it is
};

static struct side side(const int *m, bool sending) {
	struct side s = {need((size_t)ranks * sizeof(int)), need((size_t)(ranks + 1) * sizeof(int)), NULL};
	s.start[0] = 0;
	for (int p = 0; p < ranks; p++) {
		s.count[p] = sending ? m[rank * ranks + p] : m[p * ranks + rank];
		s.start[p + 1] = s.start[p] + s.count[p]; // at most tokens x ranks: see main
	}
	s.token = need((size_t)s.start[ranks] * sizeof *s.token);
	for (int p = 0; p < ranks; p++) {
		// The home of a token sends it in a dispatch, and receives for it in a combine.
		bool mine = sending != combine;
		choose(s.token + s.start[p], s.count[p], mine ? rank : p, mine ? p : rank);
	}
	return s;
}

// The places of a side's rows by token: those of token t are first[t] to first[t+1].
struct index {
	uint32_t *first, *place;
};

static struct index by_token(const struct side *s) {
	struct index x = {need((size_t)(tokens + 2) * sizeof *x.first), need((size_t)s->start[ranks] * sizeof *x.place)};
	memset(x.first, 0, (size_t)(tokens + 2) * sizeof *x.first);
	for (int i = 0; i < s->start[ranks]; i++)
		x.first[s->token[i] + 2]++;
	for (long t = 0; t < tokens; t++)
		x.first[t + 2] += x.first[t + 1];
	for (int i = 0; i < s->start[ranks]; i++)
		x.place[x.first[s->token[i] + 1]++] = (uint32_t)i;
	return x;
}

static struct side out, in;
static struct index home;     // places of the rows that are of this rank's tokens
static uint32_t *order;       // of the rows that lie at random places
static const uint16_t **rows; // combine: what came, in the order of home.place
static char *own, *sent, *came, *result;

static char *at(char *base, size_t i) { return base + i * (size_t)row_bytes; }

// Sums lie at cache lines of their own.
static uint16_t *sum_at(size_t token) { return (void *)(result + token * (((size_t)values * 2 + 63) & ~(size_t)63)); }

static void pack(void) {
	if (combine) {
		for (int i = 0; i < out.start[ranks]; i++)
			memcpy(at(sent, (size_t)i), at(own, order[i]), (size_t)row_bytes);
		return;
	}
	for (long t = 0; t < tokens; t++)
		for (uint32_t i = home.first[t]; i < home.first[t + 1]; i++)
			memcpy(at(sent, home.place[i]), at(own, (size_t)t), (size_t)row_bytes);
}

static void finish(void) {
	if (!combine) {
		for (int i = 0; i < in.start[ranks]; i++)
			memcpy(at(result, order[i]), at(came, (size_t)i), (size_t)row_bytes);
		return;
	}
	for (long t = 0; t < tokens; t++)
		bf16_sum(sum_at((size_t)t), rows + home.first[t], (int)(home.first[t + 1] - home.first[t]), (size_t)values, 512, true);
#ifdef __AVX512F__
	_mm_sfence();
#endif
}

// Makes the buffers and what lies in them before the clock starts.
static void prepare(const int *m) {
	out = side(m, true);
	in = side(m, false);
	home = by_token(combine ? &in : &out);
	size_t sends = (size_t)out.start[ranks], comes = (size_t)in.start[ranks], stride = (size_t)row_bytes;
	sent = need(sends * stride);
	came = need(comes * stride);
	size_t random = combine ? sends : comes;
	order = need(random * sizeof *order);
	shuffle(order, random, (uint64_t)seed << 40 ^ (uint64_t)rank);
	if (!combine) {
		own = need((size_t)tokens * stride);
		result = need(comes * stride);
		for (long t = 0; t < tokens; t++)
			fill(at(own, (size_t)t), rank, rank, (uint32_t)t);
		return;
	}
	own = need(sends * stride);
	result = need((size_t)tokens * (((size_t)values * 2 + 63) & ~(size_t)63));
	for (int p = 0; p < ranks; p++)
		for (int i = out.start[p]; i < out.start[p + 1]; i++)
			fill(at(own, order[i]), rank, p, out.token[i]);
	rows = need((comes + (size_t)ranks) * sizeof *rows);
	for (size_t i = 0; i < comes + (size_t)ranks; i++) // the last ones are only fetched ahead
		rows[i] = (const void *)at(came, i < comes ? home.place[i] : 0);
}

// The number of rows or sums that are not what they should be.
static long check(void) {
	long wrong = 0;
	if (!combine) {
		for (int p = 0; p < ranks; p++)
			for (int i = in.start[p]; i < in.start[p + 1]; i++)
				wrong += !same(at(result, order[i]), p, p, in.token[i]);
		return wrong;
	}
	// Made anew, not taken from what came.
	char *made = need((size_t)row_bytes * (size_t)ranks);
	uint16_t *want = need((size_t)values * 2);
	const uint16_t **addends = need((size_t)ranks * sizeof *addends);
	for (long t = 0; t < tokens; t++) {
		int k = 0, p = 0;
		for (uint32_t i = home.first[t]; i < home.first[t + 1]; i++, k++) {
			while ((int)home.place[i] >= in.start[p + 1])
				p++;
			fill(at(made, (size_t)k), p, rank, (uint32_t)t);
			addends[k] = (const void *)at(made, (size_t)k);
		}
		bf16_sum_plain(want, addends, k, 0, (size_t)values);
		wrong += memcmp(want, sum_at((size_t)t), (size_t)values * 2) != 0;
	}
	free(made);
	free(want);
	free(addends);
	return wrong;
}

enum { START, PACKED, EXCHANGED, END, TIMES };

static void iterate(MPI_Datatype type, double *t) {
	MPI_Barrier(MPI_COMM_WORLD);
	t[START] = now_us();
	pack();
	t[PACKED] = now_us();
	MPI_Alltoallv(sent, out.count, out.start, type, came, in.count, in.start, type, MPI_COMM_WORLD);
	t[EXCHANGED] = now_us();
	finish();
	t[END] = now_us();
}

// Prints an iteration from the times of all ranks.
static void print(long i, const double *all) {
	const double *slowest = all;
	double first = all[START], last = all[END];
	for (int r = 0; r < ranks; r++) {
		const double *t = all + r * TIMES;
		if (t[END] - t[START] > slowest[END] - slowest[START])
			slowest = t;
		first = t[START] < first ? t[START] : first;
		last = t[END] > last ? t[END] : last;
	}
	printf("%ld %.1f %.1f %.1f %.1f %.1f\n", i, slowest[END] - slowest[START], slowest[PACKED] - slowest[START],
		slowest[EXCHANGED] - slowest[PACKED], slowest[END] - slowest[EXCHANGED], last - first);
	fflush(stdout);
}

static int run(const int *m) {
	prepare(m);
	// Counts are in rows, so that an int holds them.
	MPI_Datatype type;
	MPI_Type_contiguous((int)row_bytes, MPI_BYTE, &type);
	MPI_Type_commit(&type);
	double mine[TIMES], *all = need((size_t)ranks * sizeof mine);
	for (long i = -warmup; i < iters; i++) {
		iterate(type, mine);
		MPI_Gather(mine, TIMES, MPI_DOUBLE, all, TIMES, MPI_DOUBLE, 0, MPI_COMM_WORLD);
		if (rank == 0 && i >= 0)
			print(i, all);
	}
	// Nothing that an earlier iteration left may pass for this one's.
	memset(came, 0xee, (size_t)in.start[ranks] * (size_t)row_bytes);
	memset(result, 0xee, combine ? (size_t)tokens * (size_t)values * 2 : (size_t)in.start[ranks] * (size_t)row_bytes);
	iterate(type, mine);
	MPI_Type_free(&type);
	long wrong = check(), sum = 0;
	MPI_Allreduce(&wrong, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
	if (sum && rank == 0)
		fprintf(stderr, "a2av: %ld rows or sums are wrong\n", sum);
	return sum ? EXIT_WRONG : 0;
}

int main(int argc, char **argv) {
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	const struct option options[] = {
		{"-op", NULL, 0, 0, &op}, {"-matrix", NULL, 0, 0, &matrix_file}, {"-row", &row_bytes, 16, MAX_ROW, NULL},
		{"-values", &values, 1, MAX_ROW / 2, NULL}, {"-tokens", &tokens, 1, MAX_TOKENS, NULL}, {"-iters", &iters, 1, 1 << 20, NULL},
		{"-warmup", &warmup, 0, 1 << 20, NULL}, {"-seed", &seed, 0, 1 << 20, NULL}, {0}};
	bool ok = parse_options(argc, argv, options, rank != 0);
	if (ok && strcmp(op, "dispatch") && strcmp(op, "combine"))
		ok = usage("-op: want dispatch or combine");
	combine = !strcmp(op, "combine");
	if (ok && (!row_bytes || row_bytes % 16 || !tokens))
		ok = usage("want -tokens, and -row that is a multiple of 16");
	if (ok && combine && (!values || 2 * values > row_bytes))
		ok = usage("want -values, as many as a row holds");
	if (ok && (long)ranks * tokens > 1 << 30)
		ok = usage("too many tokens for so many ranks");
	int *m = ok ? read_matrix() : NULL, code = EXIT_USAGE;
	if (m && fits(m))
		code = run(m);
	// One rank alone says so: a launcher that sees several may report a signal.
	int worst = 0;
	MPI_Reduce(&code, &worst, 1, MPI_INT, MPI_MAX, 0, MPI_COMM_WORLD);
	// MPICH over TCP, 4.0 on UCX 1.13: where a rank closes its connections while another
	// still takes its last message, the other never ends (13 of 500 runs on busy cores).
	// So all have taken all of them before one begins to end (none of 650).
	MPI_Barrier(MPI_COMM_WORLD);
	usleep(50 * 1000);
	MPI_Finalize();
	return worst;
}
