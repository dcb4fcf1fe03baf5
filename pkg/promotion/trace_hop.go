package promotion

import (
	"context"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/gate"
)

// hop asks the gates before the next environment: the first one that does not have
// it yet, behind one that has it.
func (t *trace) hop(ctx context.Context) error {
	stops := t.report.Environments
	for i := 1; i < len(stops); i++ {
		from, to := t.cfg.Environments[i-1], t.cfg.Environments[i]
		if !stops[i].lacks || stops[i-1].State != StopHere || t.head(to) == "" {
			continue
		}
		t.tell("asking the gates of %s", to.Name)
		t.report.Next = &TraceHop{From: from.Name, To: to.Name, Commit: t.head(from), State: gate.Unknown, Gates: []gate.Verdict{}, Command: "pawl promote " + to.Name}
		if err := t.ask(ctx, t.report.Next, from, to); err != nil {
			if ctx.Err() != nil {
				return err
			}
			t.unasked(to.Name, err)
		}
		return nil
	}
	return nil
}

// unasked notes why the gates were not asked; a reason that is there already is not
// said again.
func (t *trace) unasked(to string, err error) {
	if t.pulls.Err != nil && t.pulls.Err.Error() == err.Error() {
		t.note("what stands before %s could not be found out, for the same reason", to)
		return
	}
	t.note("what stands before %s could not be found out: %v", to, err)
}

// ask asks the gates of the open promotion, else of the one that could be opened.
func (t *trace) ask(ctx context.Context, hop *TraceHop, from, to config.Environment) error {
	open, err := t.openWith(ctx, from, to)
	switch {
	case err != nil:
		return err
	case open == nil:
		return t.supposed(ctx, hop, from, to)
	}
	return t.proposed(ctx, hop, *open)
}

// stray notes where an environment has something that the one before does not: no
// promotion brought it there, and the next one would take it away or cannot land.
func (t *trace) stray() {
	stops := t.report.Environments
	for i := 1; i < len(stops); i++ {
		if stops[i].State == StopHere && stops[i-1].State == StopNotYet {
			t.note("%s has it and %s, where its releases come from, does not: pawl status says how to bring it back", stops[i].Environment, stops[i-1].Environment)
		}
	}
}

// openWith finds the open promotion that brings what is traced; nil if there is
// none.
func (t *trace) openWith(ctx context.Context, from, to config.Environment) (*forge.PullRequest, error) {
	open, err := t.openPromotions(ctx, to)
	if err != nil {
		return nil, err
	}
	for _, pr := range open {
		brings := false
		if t.report.Kind == "image" {
			line, err := t.timeline(ctx, to, t.cfg.Images, []string{pr.HeadSHA}, nil, "")
			if err != nil {
				return nil, err
			}
			brings = t.hasVersion(line.versions[pr.HeadSHA])
		} else {
			at, known := t.line[from.Name][pr.HeadSHA]
			place, here := t.place(from)
			brings = known && here && at <= place
		}
		if brings {
			return &pr, nil
		}
	}
	if len(open) > 0 {
		t.note("#%d is open into %s, and does not bring it", open[0].Number, to.Name)
	}
	return nil, nil //nolint:nilnil // none is open: a fact, not an error
}

// proposed asks the gates of an open promotion.
func (t *trace) proposed(ctx context.Context, hop *TraceHop, pr forge.PullRequest) error {
	report, err := t.verify(ctx, pr)
	if err != nil {
		return err
	}
	hop.Number, hop.URL, hop.Commit = pr.Number, pr.WebURL, pr.HeadSHA
	hop.Gates, hop.State, hop.Command = report.Gates, report.State, afterOpen(report.State, hop.To, pr.Number)
	return nil
}

// supposed asks the gates of the promotion that could be opened.
func (t *trace) supposed(ctx context.Context, hop *TraceHop, from, to config.Environment) error {
	comparison, err := t.relate(ctx, t.head(to), t.head(from))
	if err != nil {
		return err
	}
	rules, err := t.policyOverAPI(ctx, forge.PullRequest{Base: to.Branch}, comparison)
	if err != nil {
		return err
	}
	trees := gate.Lookup(t.fetch(ctx, comparison.Base, comparison.Head))
	hop.Gates = gate.Evaluate(t.gather(ctx, rules, comparison, nil, newScene(gate.Known(t.refs), trees)))
	hop.State = gate.Overall(hop.Gates)
	if comparison.Relation == forge.Diverged {
		t.note("%s and %s diverged; %s tells how to bring them together", from.Name, to.Name, healPage)
		hop.Command = HealCommand(rules.Way[0], to)
	}
	return nil
}
