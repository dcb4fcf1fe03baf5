package promotion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getpawl/pawl/pkg/gate"
	"github.com/getpawl/pawl/pkg/output"
)

// Override is a gate that a person set aside for one merge.
type Override struct {
	Gate   string `json:"gate"`
	Reason string `json:"reason"`
	Who    string `json:"who"` // the account that the token acts for
}

// Check says why an override cannot be asked for: a [UsageError].
func (o Override) Check() error {
	switch {
	case !gate.Overridable(o.Gate):
		return &UsageError{
			Problem: fmt.Sprintf("the gate %q cannot be set aside", o.Gate),
			Fix:     "only freeze can: every other gate says something about the commit",
		}
	case strings.TrimSpace(o.Reason) == "":
		return &UsageError{Problem: "an override needs a reason", Fix: "say why: --override " + o.Gate + " --reason TEXT"}
	}
	return nil
}

// overrides completes what the options set aside with who does it.
func (s Source) overrides(ctx context.Context, options MergeOptions) ([]Override, error) {
	if options.Override == nil {
		return nil, nil
	}
	override := *options.Override
	if err := override.Check(); err != nil {
		return nil, err
	}
	who, err := s.Forge.Login(ctx)
	if err != nil {
		return nil, fmt.Errorf("overriding %s: %w", override.Gate, err)
	}
	override.Who, override.Reason = who, output.Clean(strings.TrimSpace(override.Reason))
	return []Override{override}, nil
}

// overridden are the overrides without which the promotion would not land: those of
// gates that would say something else otherwise.
func (p *MergePlan) overridden() []Override {
	bare := p.facts
	bare.Overrides = nil
	verdicts := gate.Evaluate(bare)
	return slices.DeleteFunc(slices.Clone(p.Overrides), func(o Override) bool {
		return gate.Of(verdicts, o.Gate).State == gate.Pass
	})
}

// tellOverrides says on the pull request what was set aside, before anything moves:
// a merge whose override cannot be written down does not happen.
func (p *MergePlan) tellOverrides(ctx context.Context) error {
	for _, o := range p.overridden() {
		text := fmt.Sprintf("%s sets aside the gate **%s** for %s: %s", output.Code("@"+o.Who), o.Gate, output.Code(gate.Short(p.Commit)), output.Escape(cut(o.Reason, maxAnswer)))
		if err := p.source.Forge.Comment(ctx, p.pr.Number, "override-"+o.Gate+"-"+gate.Short(p.Commit), text); err != nil {
			return fmt.Errorf("%s: writing down that %s is overridden: %w", p.what(), o.Gate, err)
		}
	}
	return nil
}
