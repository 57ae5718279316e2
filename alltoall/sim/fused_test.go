package sim

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/fusedtest"
)

// The same flags give the same figures everywhere only if nothing is fused.
func TestNothingIsFused(t *testing.T) { fusedtest.Nothing(t) }
