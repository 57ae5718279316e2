package numa

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/commbench/commbench/transport/driver"
)

// HugePolicy is when the system makes huge pages: of anonymous memory (always,
// madvise, never) and of shared memory (always, within_size, advise, never,
// deny, force). AdviseHuge is of use with madvise, and with advise. root is
// where sysfs is, "" for /sys. The error is ErrNotSupported where the system
// has no such policy.
func HugePolicy(root string) (anon, shmem string, err error) {
	folder := filepath.Join(sysfs(root), "kernel/mm/transparent_hugepage")
	if anon, err = activeWord(filepath.Join(folder, "enabled")); err == nil {
		shmem, err = activeWord(filepath.Join(folder, "shmem_enabled"))
	}
	if err != nil {
		return "", "", fmt.Errorf("numa: policy of huge pages: %w", err)
	}
	return anon, shmem, nil
}

// activeWord reads a choice such as "always [madvise] never".
func activeWord(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %w", driver.ErrNotSupported, err)
	}
	if err != nil {
		return "", err
	}
	for word := range strings.FieldsSeq(string(text)) {
		if inner, ok := strings.CutPrefix(word, "["); ok && strings.HasSuffix(inner, "]") {
			return strings.TrimSuffix(inner, "]"), nil
		}
	}
	return "", fmt.Errorf("%s: %s: expected one word in brackets, as in always [madvise] never", path, shorten(string(text)))
}
