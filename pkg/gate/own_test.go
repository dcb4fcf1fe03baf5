package gate_test

import (
	"testing"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// What pawl says about a commit satisfies no gate and blocks none, whatever the
// configuration matches.
func TestOwnStatusesAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"**", "pawl/*", "pawl/staging", "{pawl,ci}/*"} {
		for _, own := range []string{"success", "failure", "pending", "error"} {
			facts := gate.Facts{To: config.Environment{Name: "staging", Gates: config.Gates{Checks: []config.Check{{Name: pattern}}}}}
			facts.CheckRuns = gate.Known([]forge.CheckRun{})
			facts.Statuses = gate.Known([]forge.Status{{Context: gate.StatusContext("staging"), State: own}})
			if got := gate.Of(gate.Evaluate(facts), "checks").State; got != gate.Pending {
				t.Errorf("%s, own status %s: got %s, want pending", pattern, own, got)
			}
			facts.Statuses.Value = append(facts.Statuses.Value, forge.Status{Context: "ci/test", State: "success"})
			want := gate.Pass
			if pattern[0] == 'p' {
				want = gate.Pending
			}
			if got := gate.Of(gate.Evaluate(facts), "checks").State; got != want {
				t.Errorf("%s, own status %s beside ci/test: got %s, want %s", pattern, own, got, want)
			}
		}
	}
}
