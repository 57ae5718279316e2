package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/commbench/commbench/alltoall/model"
	"github.com/commbench/commbench/bench/unit"
)

// The picture's size and the margins of its axes, in pixels.
const (
	svgWide, svgHigh                     = 720, 420
	svgLeft, svgRight, svgTop, svgBottom = 70, 20, 60, 50
)

// svg draws GB/s against SMs, with the knee marked. It is a document of its own: no script,
// no font and no style from elsewhere.
func (b *budget) svg(w io.Writer) error {
	points := b.upToTwiceTheKnee()
	most := 0.0
	for i := range points {
		most = max(most, points[i].Up)
	}
	top, tick := ceiling(most)
	right := max(1, points[len(points)-1].SMs)
	x := func(sms int) float64 { return svgLeft + (svgWide-svgLeft-svgRight)*float64(sms)/float64(right) }
	y := func(gbps float64) float64 { return svgHigh - svgBottom - (svgHigh-svgTop-svgBottom)*gbps/top }

	var t bytes.Buffer
	fmt.Fprintf(&t, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", svgWide, svgHigh, svgWide, svgHigh)
	fmt.Fprintf(&t, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	text := func(x, y float64, anchor, format string, args ...any) {
		fmt.Fprintf(&t, `<text x="%.1f" y="%.1f" text-anchor="%s">`, x, y, anchor)
		_ = xml.EscapeText(&t, fmt.Appendf(nil, format, args...)) // to memory
		t.WriteString("</text>\n")
	}
	l := &b.load
	text(svgLeft, 22, "start", "%s by %s on %d x %d %s", l.Op, l.Algorithm, l.Nodes, l.GPUsPerNode, b.h.Title)
	text(svgLeft, 40, "start", "%s tokens/rank, hidden %d, %d experts, top-%d, %s routing, kernels %s; predicted", unit.Count(int64(l.Tokens)), l.Hidden, l.Experts, l.TopK, b.routing, b.kernels.Name)
	for v := 0.0; v <= top*1.001; v += tick {
		fmt.Fprintf(&t, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", svgLeft, svgWide-svgRight, y(v), y(v))
		text(svgLeft-8, y(v)+4, "end", "%s", numeral(math.Round(v*1e6)/1e6))
	}
	step := max(1, (right+9)/10)
	for n := 0; n <= right; n += step {
		text(x(n), svgHigh-svgBottom+18, "middle", "%d", n)
	}
	text((svgLeft+svgWide-svgRight)/2, svgHigh-12, "middle", "SMs of %d", b.h.SMs())
	text(svgLeft, svgTop-6, "end", "GB/s")

	curve := func(value func(*model.Point) float64, colour, name string) {
		at := make([]string, 0, len(points))
		for i := range points {
			at = append(at, fmt.Sprintf("%.1f,%.1f", x(points[i].SMs), y(value(&points[i]))))
		}
		fmt.Fprintf(&t, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(at, " "), colour)
		last := &points[len(points)-1]
		text(x(last.SMs), y(value(last))-6, "end", "%s", name)
	}
	curve(func(p *model.Point) float64 { return p.Up }, "#1f77b4", "scale-up, logical")
	if l.Nodes > 1 {
		curve(func(p *model.Point) float64 { return p.Out }, "#d62728", "scale-out, logical")
	}
	knee := &b.Points[b.Knee]
	fmt.Fprintf(&t, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#555" stroke-dasharray="4 4"/>`+"\n", x(knee.SMs), x(knee.SMs), svgTop, svgHigh-svgBottom)
	fmt.Fprintf(&t, `<circle cx="%.1f" cy="%.1f" r="4" fill="#1f77b4"/>`+"\n", x(knee.SMs), y(knee.Up))
	text(x(knee.SMs)+6, svgHigh-svgBottom-8, "start", "knee: %s, %s us", unit.Counted(int64(knee.SMs), "SM"), numeral(knee.US))
	t.WriteString("</svg>\n")
	_, err := w.Write(t.Bytes())
	return err
}

// ceiling is the end of an axis that goes up to a value, and the distance of its ticks: 1, 2
// or 5 times a power of ten, of which there are 4 to 10.
func ceiling(v float64) (top, tick float64) {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, tick = range []float64{power / 10, power / 5, power / 2, power, 2 * power} {
		if v/tick <= 10 {
			break
		}
	}
	return math.Ceil(v/tick) * tick, tick
}
