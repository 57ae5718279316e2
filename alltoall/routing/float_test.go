package routing

import (
	"math"
	"testing"

	"github.com/commbench/commbench/alltoall/counter"
)

// relative is the relative error of got.
func relative(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Abs(want)
}

func TestLnAgreesWithMath(t *testing.T) {
	src := counter.New(1, 0, 0, 0)
	worst, at := 0.0, 0.0
	try := func(x float64) {
		if e := relative(ln(x), math.Log(x)); e > worst {
			worst, at = e, x
		}
	}
	for range 1 << 20 {
		u := unit(src.Uint64())
		try(u)
		try(1 / u)
		try(1 - u/1024) // just below 1, where digits could cancel
		try(1 + u/1024)
		try(1 - u*0x1p-40)
	}
	for i := range 1 << 16 {
		try(float64(i + 1))
		try(1 + float64(i)*0x1p-16) // all of a binade, at the table's seams too
		try(math.Nextafter(1+float64(i)*0x1p-16, 0))
	}
	for _, x := range []float64{0x1p-1022, math.MaxFloat64, 1, math.Nextafter(1, 0), math.Nextafter(1, 2)} {
		try(x)
	}
	t.Logf("largest relative error %.2g at %v", worst, at)
	if worst > 1e-13 {
		t.Errorf("relative error %g at %v (%#x)", worst, at, math.Float64bits(at))
	}
}

func TestExpAndPowAgreeWithMath(t *testing.T) {
	worst := 0.0
	for i := range 1 << 18 {
		x := (float64(i)/(1<<17) - 1) * 100
		worst = max(worst, relative(exp(x), math.Exp(x)))
	}
	for _, x := range []float64{700, -700, ln2 / 2, -ln2 / 2, 0, 1, -1} {
		worst = max(worst, relative(exp(x), math.Exp(x)))
	}
	for base := 1.0; base <= 1<<20; base = math.Floor(base*1.1) + 1 {
		for _, y := range []float64{0, -0.3, -1, -1.2, -2, -10} {
			worst = max(worst, relative(pow(base, y), math.Pow(base, y)))
		}
	}
	t.Logf("largest relative error %.2g", worst)
	if worst > 1e-13 {
		t.Errorf("relative error %g", worst)
	}
}

// The bits that every machine must give. Run it with GOAMD64=v3 as well: that
// compiler fuses multiply and add as it does on arm64.
func TestFloatBits(t *testing.T) {
	for _, c := range []struct {
		name string
		got  float64
		want uint64
	}{
		{"ln(1/2)", ln(0.5), 0xbfe62e42fefa39ef},
		{"ln(0.1)", ln(0.1), 0xc0026bb1bbb55515},
		{"ln(0.999)", ln(0.999), 0xbf5064670d979b73},
		{"ln(2^-53)", ln(0x1p-53), 0xc0425e4f7b2737fa},
		{"ln(1-2^-53)", ln(1 - 0x1p-53), 0xbca0000000000000},
		{"ln(3)", ln(3), 0x3ff193ea7aad030a},
		{"ln(65535)", ln(65535), 0x40262e40fef939ee},
		{"exp(1)", exp(1), 0x4005bf0a8b14576a},
		{"exp(-30.1)", exp(-30.1), 0x3d37d53552afc264},
		{"exp(12.75)", exp(12.75), 0x4115079f95a52756},
		{"pow(255, -1.2)", pow(255, -1.2), 0x3f553625f4f97838},
		{"pow(7, -0.3)", pow(7, -0.3), 0x3fe1d96a0c370202},
	} {
		if got := math.Float64bits(c.got); got != c.want {
			t.Errorf("%s has bits %#x, want %#x", c.name, got, c.want)
		}
	}
	// And of very many at once.
	src := counter.New(2, 0, 0, 0)
	hash := uint64(0)
	for range 1 << 16 {
		u := unit(src.Uint64())
		for _, y := range []float64{ln(u), exp(20 * u), pow(1/u, -1.2)} {
			hash = (hash ^ math.Float64bits(y)) * 0x100000001b3
		}
	}
	if want := uint64(0x7698a872c3d8cacf); hash != want {
		t.Errorf("hash of many is %#x, want %#x", hash, want)
	}
}

var floatSink float64

func BenchmarkLn(b *testing.B) {
	src := counter.New(1, 0, 0, 0)
	for b.Loop() {
		floatSink = ln(unit(src.Uint64()))
	}
}
