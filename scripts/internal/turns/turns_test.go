package turns

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/commbench/commbench/bench/unit"
)

func TestTake(t *testing.T) {
	order, broken := "", errors.New("broken")
	var all []Contender[int]
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, Contender[int]{Name: name, Run: func(context.Context) (int, error) {
			order += name
			if len(order) > 9 {
				return 0, broken
			}
			return len(order), nil
		}})
	}
	told := ""
	tell := func(_ int, name string, _ int) { told += name }
	if err := Take(t.Context(), 3, "it", all, tell); err != nil || order != "abcbcacab" || told != order {
		t.Errorf("%v: they ran as %s, and were told as %s", err, order, told)
	}
	if got, want := all[0].Rounds, []int{1, 6, 8}; !reflect.DeepEqual(got, want) {
		t.Errorf("a returned %v, want %v", got, want)
	}
	if err := Take(t.Context(), 1, "it", all, tell); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "it, a: ") || told != "abcbcacab" {
		t.Errorf("%v, and told were %s", err, told)
	}
}

func TestFigures(t *testing.T) {
	a, b := []float64{6, 2, 4}, []float64{2, 1, 1}
	if got := P50(a); got != 4 {
		t.Errorf("median %v", got)
	}
	if got := Spread(a, unit.Ratio); got != "4.00x (2.00x to 6.00x)" {
		t.Errorf("spread %s", got)
	}
	if text, ratio := Over(a, b); text != "4.00x (2.00 to 4.00)" || ratio != 4 {
		t.Errorf("ratio %s, %v", text, ratio)
	}
	if text, ratio := Over(a, b[:1]); P50(nil) != 0 || Spread(nil, unit.Number) != unit.Unknown || text != unit.Unknown || ratio != 0 {
		t.Errorf("of nothing: %v, %s, %s, %v", P50(nil), Spread(nil, unit.Number), text, ratio)
	}
}
