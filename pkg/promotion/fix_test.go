package promotion

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// Whatever blocks, the error says what a person does next.
func TestEveryGateHasAFix(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		gate  string
		state gate.State
		want  string
	}{
		{"edge", gate.Fail, "pawl promote staging"},
		{"edge", gate.Pending, "mark #7 as ready for review"},
		{"fast-forward", gate.Fail, "git merge"},
		{"earned", gate.Fail, "pawl promote staging"},
		{"checks", gate.Fail, "mend it in dev, then: pawl promote staging"},
		{"checks", gate.Pending, "run the same command again after 2026-03-01T08:00:00Z"},
		{"approvals", gate.Fail, "settle the review"},
		{"approvals", gate.Pending, "pawl promote staging --reviewer LOGIN"},
		{"soak", gate.Fail, "pawl promote staging"},
		{"soak", gate.Pending, "run the same command again after 2026-03-01T08:00:00Z"},
		{"freeze", gate.Pending, "pawl merge staging --override freeze --reason TEXT"},
		{"images", gate.Fail, "pawl bump IMAGE:VERSION --env dev --push"},
		{"changes", gate.Fail, "allow it under gates.changes on stg"},
		{"secrets", gate.Fail, "replace the secret"},
		{"checks", gate.Unknown, "run the same command again"},
		{"images", gate.Unknown, `a commit in dev whose last paragraph is "Pawl-Allow-Downgrade: IMAGE FROM TO", then: pawl promote staging; or let`},
	} {
		dev, staging := config.Environment{Name: "dev", Branch: "dev"}, config.Environment{Name: "staging", Branch: "stg"}
		v := &Verification{Number: 7, From: "dev", To: "staging", State: test.state,
			Gates: []gate.Verdict{{Gate: "other", State: gate.Pass}, {Gate: test.gate, State: test.state, Until: until}},
			rules: policy{From: dev, To: staging, Way: []config.Environment{dev, staging}}}
		v.facts.Comparison = gate.Known(forge.Comparison{Relation: forge.Diverged})
		var blocked *Blocked
		if !errors.As(v.Err(), &blocked) || !strings.Contains(blocked.Fix, test.want) {
			t.Errorf("%s, %s: got %q, want %q in it", test.gate, test.state, blocked.Fix, test.want)
		}
	}
}
