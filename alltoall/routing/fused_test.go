package routing

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/fusedtest"
)

// The same seed gives the same bytes everywhere only if nothing is fused: see
// float.go.
func TestNothingIsFused(t *testing.T) { fusedtest.Nothing(t) }
