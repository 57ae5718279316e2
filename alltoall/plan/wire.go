package plan

import (
	"encoding/binary"
	"fmt"
)

// Notes are little-endian int32 words, and bitmaps of bytes. The reader checks
// every count against what the sender could mean before it is used, because a
// note may come from another host.

func putInt(b []byte, v int32) []byte { return binary.LittleEndian.AppendUint32(b, uint32(v)) }

func putInts(b []byte, vs []int32) []byte {
	for _, v := range vs {
		b = putInt(b, v)
	}
	return b
}

// getInts fills dst from b and returns the rest of b. The caller has checked
// that b is long enough.
func getInts(b []byte, dst []int32) []byte {
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return b[4*len(dst):]
}

// NoteError says which note of which peer cannot be right.
type NoteError struct {
	Round, Rank, Peer int
	Problem           string
}

func (e *NoteError) Error() string {
	return fmt.Sprintf("plan: note of round %d from rank %d to rank %d: %s", e.Round, e.Peer, e.Rank, e.Problem)
}

// inRange checks that all are in 0..limit.
func inRange(vs []int32, limit int) bool {
	for _, v := range vs {
		if v < 0 || int(v) > limit {
			return false
		}
	}
	return true
}

// canHave checks that counts are what tokens of top-k choices can have: each in
// 0..tokens, and together at most k for a token. It keeps the sums over all
// peers' counts within int32, which New has seen to be enough.
func canHave(counts []int32, tokens, topK int) bool {
	sum := 0
	for _, n := range counts {
		sum += int(n)
	}
	return inRange(counts, tokens) && sum <= tokens*topK
}
