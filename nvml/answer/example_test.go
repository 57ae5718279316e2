package answer_test

import (
	"encoding/json"
	"fmt"

	"github.com/commbench/commbench/nvml/answer"
)

func Example() {
	gpu := struct {
		SMs   answer.Of[int]     `json:"sms"`
		Power answer.Of[float64] `json:"power_w"`
	}{answer.Is(132), answer.None[float64]("no power sensor")}

	b, _ := json.Marshal(gpu)
	fmt.Println(string(b))
	fmt.Println(answer.Missing(gpu))
	// Output:
	// {"sms":132,"power_w":null}
	// map[power_w:not supported: no power sensor]
}
