package bump

import (
	"errors"
	"fmt"

	"github.com/getpawl/pawl/pkg/forge"
	"github.com/getpawl/pawl/pkg/git"
)

// explain says what to do about a rule of the branch.
func explain(err error, branch string) error {
	var refused *git.RefusedError
	var rule *forge.RefusedError
	if !errors.As(err, &refused) && !errors.As(err, &rule) {
		return err
	}
	return &Refusal{
		Reason: err.Error(),
		Fix:    fmt.Sprintf("the rules of %s must let this token push to it; add it to the bypass list of the rule that is named", branch),
	}
}
