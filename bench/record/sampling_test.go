package record_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/commbench/commbench/bench/record"
)

func TestValuesOfWhichSomeAreNotKnown(t *testing.T) {
	in := record.Values{0, 1, 0.25, 987654321, 1.5e20, -12345, math.NaN(), math.Inf(1), 1e-9}
	b, err := json.Marshal(in)
	if want := "[0,1,0.25,987654321,1.5e+20,-12345,null,null,0.000000001]"; err != nil || string(b) != want {
		t.Fatalf("%s, %v, expected %s", b, err, want)
	}
	var out record.Values
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	want := in
	want[7] = math.NaN()
	if diff := cmp.Diff(want, out, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if b, err := json.Marshal(record.Values(nil)); err != nil || string(b) != "null" {
		t.Errorf("of nothing: %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`["x"]`), &out); err == nil {
		t.Error("a word was taken for a number")
	}
	if err := json.Unmarshal([]byte(`null`), &out); err != nil || len(out) != len(want) {
		t.Errorf("null made %v, %v", out, err)
	}
}
