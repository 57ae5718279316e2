package cuda

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed kernels/*.ptx
var files embed.FS

// Kernel is one of kernels/kernels.c, which says what it does and takes.
type Kernel int

// The kernels.
const (
	Nothing Kernel = iota
	WriteWords
	ReadWords
	CopyWords
	ReduceRows
	CountWrong
	kernels int = iota
)

// Addends are the rows of a sum of ReduceRows.
const Addends = 8

// Odd is what the words of WriteWords, without a mask, differ by: word w is w x Odd + seed.
const Odd = 0x9e3779b1

func (k Kernel) String() string {
	if k < 0 || int(k) >= kernels {
		return fmt.Sprintf("kernel %d", int(k))
	}
	return [...]string{"nothing", "write_words", "read_words", "copy_words", "reduce_rows", "count_wrong"}[k]
}

// ptx is what a GPU of a compute capability is given. Drivers of later GPUs take the PTX of
// earlier ones.
func ptx(major, minor int) (string, error) {
	target := "sm_90"
	switch {
	case major < 8:
		return "", missing(fmt.Sprintf("compute capability %d.%d is too old: the kernels are for 8.0 (A100) and later", major, minor))
	case major == 8:
		target = "sm_80"
	}
	b, err := files.ReadFile("kernels/" + target + ".ptx")
	return string(b), err
}

// parameters is how many a kernel of a PTX has, all of 64 bits.
func parameters(text string, k Kernel) (int, error) {
	_, after, ok := strings.Cut(text, ".entry "+k.String()+"(")
	list, _, closed := strings.Cut(after, ")")
	if !ok || !closed {
		return 0, fmt.Errorf("cuda: the PTX has no kernel %v", k)
	}
	return strings.Count(list, ".param .u64 "), nil
}
