package routing

import "math"

// The logarithm, exponential and power that routing is made of, with the same
// bits on every machine. Package math promises no bits: it has assembly on some
// architectures, and Go may fuse x*y + z into one rounding where the machine
// can. Only +, -, *, / and square root are used here, which IEEE 754 rounds one
// way, and each product that meets a sum is converted explicitly, which the
// language says prevents the fusing. The whole package keeps to it, and a test
// looks for fused instructions in what the compiler makes of it for arm64.

const ln2 = math.Ln2

// logStep is an entry of ln's table, for a significand near 1 + i/128.
type logStep struct {
	inverse float64 // 1/(1 + i/128)
	log     float64 // ln(1 + i/128), or of its half
	halved  float64 // 1 where log is of the half, so that ln 2 must be added
}

// logTable has 129 entries in use. It is as long as a byte can index, so that
// the compiler sees that no index is out of it.
var logTable = func() (table [256]logStep) {
	for i := range 129 {
		x := 1 + float64(float64(i)/128)
		table[i].inverse = 1 / x
		if x*x > 2 {
			x /= 2
			table[i].halved = 1
		}
		table[i].log = lnSeries(x)
	}
	return table
}()

// lnSeries is ln(x) for x in [sqrt(1/2), sqrt(2)] by 2*artanh((x-1)/(x+1)). It
// is slow, and makes the table.
func lnSeries(x float64) float64 {
	z := (x - 1) / (x + 1)
	z2 := z * z
	sum := 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = float64(sum*z2) + 1/float64(n)
	}
	return 2 * z * sum
}

// ln is the natural logarithm of a positive, normal, finite x, to a relative
// error below 1e-13, also beside 1.
//
// x = 2^k * m; F is the multiple of 1/128 nearest to m, and ln x is
// k ln 2 + ln F + ln(1 + (m-F)/F), the last by its series. Above sqrt(2) the
// table holds ln(F/2), so that nothing cancels where x is just below 1.
func ln(x float64) float64 {
	b := math.Float64bits(x)
	fraction := b & (1<<52 - 1)
	i := uint8((fraction + 1<<44) >> 45)
	m := math.Float64frombits(fraction | 1023<<52)
	step := &logTable[i]
	k := float64(int(b>>52)-1023) + step.halved

	r := float64((m - (1 + float64(float64(i)/128))) * step.inverse) // |r| <= 1/256
	p := 1.0/5 - float64(r*(1.0/6))
	p = 1.0/4 - float64(r*p)
	p = 1.0/3 - float64(r*p)
	p = 1.0/2 - float64(r*p)
	p = r - float64(float64(r*r)*p)
	return float64(k*ln2) + step.log + p
}

// exp is e^x for |x| <= 700, to a relative error below 1e-13.
func exp(x float64) float64 {
	// ln 2 in two parts: the upper has so few bits that k*upper is exact.
	const upper = 0x1.62e42feep-1
	const lower = 0x1.a39ef35793c76p-33
	k := math.Floor(x/ln2 + 0.5)
	r := x - float64(k*upper) - float64(k*lower)
	sum := 1.0
	for n := 14; n >= 1; n-- {
		sum = 1 + float64(r*sum)/float64(n)
	}
	return math.Ldexp(sum, int(k))
}

// pow is x^y for a positive, normal x with |y ln x| <= 700.
func pow(x, y float64) float64 { return exp(float64(y * ln(x))) }
