//go:build !cgo || !linux

package nvml_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/commbench/commbench/nvml"
)

func TestOpenWithoutCgo(t *testing.T) {
	lib, err := nvml.Open()
	want := "build with CGO_ENABLED=1"
	if runtime.GOOS != "linux" {
		want = "only on Linux"
	}
	if lib != nil || !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, %v, expected %q", lib, err, want)
	}
}
