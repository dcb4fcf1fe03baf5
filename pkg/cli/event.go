package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

// eventFlag adds --event.
func eventFlag(cmd *cobra.Command, event *bool) {
	cmd.Flags().BoolVar(event, "event", false, "follow the comment that started this GitHub Actions run: /pawl "+cmd.Name()+" SHA")
}

// order reads what the comment of the run asks of a command.
func (a *app) order(ctx context.Context, source promotion.Source, verb string) (promotion.Order, error) {
	if a.host.Getenv("GITHUB_EVENT_PATH") == "" {
		return promotion.Order{}, usagef("use it in a workflow with: on: issue_comment", "--event: there is no event: GITHUB_EVENT_PATH is not set")
	}
	comment, ok, err := a.runner().Comment()
	if err != nil {
		return promotion.Order{}, err
	}
	if !ok {
		return promotion.Order{Nothing: "no comment started this run"}, nil
	}
	return source.ReadOrder(ctx, verb, promotion.Comment(comment))
}

// answered tells the author of an order what became of it, if it was not carried
// out. That the answer could not be given changes nothing of that.
func (a *app) answered(ctx context.Context, source promotion.Source, order promotion.Order, verb string, problem error) error {
	if problem == nil {
		return nil
	}
	if err := source.Answer(ctx, order, verb, problem); err != nil {
		a.say("note: the comment was not answered: %s", fmt.Sprint(err))
	}
	return problem
}
