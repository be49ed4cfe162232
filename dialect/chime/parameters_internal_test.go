package chime

import (
	"encoding/json"
	"regexp/syntax"
	"strings"
	"testing"
	"time"
)

// TestS27CostlyPatterns: whatever pattern a function gives, reading it and trying it on the longest input costs little, or
// it is refused before it costs anything.
func TestS27CostlyPatterns(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string
		ok      bool
	}{
		"plain":                 {`^\d{1,128}#?$`, true},
		"longest":               {strings.Repeat("0", maxPattern), true},
		"too long":              {strings.Repeat("0", maxPattern+1), false},
		"nothing":               {``, false},
		"backtracking":          {`^(0+)+[^0]$`, true},
		"overlapping":           {`^(0|00|000|0?)*#$`, true},
		"polynomial":            {strings.Repeat("0*", 500) + "#", true},
		"optional and repeated": {strings.Repeat("0?", 250) + strings.Repeat("0", 250), true},
		"deep":                  {strings.Repeat("(", 500) + strings.Repeat(")", 500), true},
		"far too deep":          {strings.Repeat("((", 500), false},
		"repeated":              {`(0{1000}){1000}`, false},
		"many repeated":         {strings.Repeat(".{1000}", 140), false},
		"few repeated":          {`.{1000}`, true},
		"classes":               {strings.Repeat(`[\pL\pN]`, 100), true},
		"classes repeated":      {`(?i)[\pL\pN\pS]{1000}`, false},
		"empty repeated":        {`(()*)*(()+)+`, true},
		"look ahead":            {`(?=0)0`, false},
		"back reference":        {`(0)\1`, false},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p, ok := readPattern(raw)
			if ok != c.ok {
				t.Errorf("taken: %v", ok)
			}
			if ok {
				p.MatchString(strings.Repeat("0", maxDigits))
				tree, err := syntax.Parse(c.pattern, syntax.Perl)
				if err != nil {
					t.Fatal(err)
				}
				if program, err := syntax.Compile(tree.Simplify()); err != nil || len(program.Inst) > 2*maxEffort {
					t.Errorf("it comes to %d instructions, %v", len(program.Inst), err)
				}
			}
			if took := time.Since(began); took > 5*time.Second { // milliseconds on any machine; with backtracking, years
				t.Errorf("it took %s", took)
			}
		})
	}
}
