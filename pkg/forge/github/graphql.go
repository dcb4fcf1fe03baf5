package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/getpawl/pawl/pkg/forge"
)

// errNoGraphQL: the server does not know what was asked, or does not offer it to
// this token. REST may.
var errNoGraphQL = errors.New("not available over GraphQL")

// graphqlError is a list of errors in an answer with status 200.
type graphqlError struct {
	errors []graphqlProblem
}

type graphqlProblem struct {
	Message    string `json:"message"`
	Type       string `json:"type"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

func (e *graphqlError) Error() string { return strings.Join(e.messages(), "; ") }

func (e *graphqlError) messages() []string {
	var all []string
	for _, problem := range e.errors {
		if problem.Message != "" {
			all = append(all, problem.Message)
		}
	}
	if len(all) == 0 {
		return []string{"GraphQL errors without a message"}
	}
	return all
}

// translate reports what GraphQL refused for its own reasons.
func (e *graphqlError) translate() error {
	text := strings.Join(e.messages(), " ")
	if e.internal() {
		return fmt.Errorf("%w: %s", forge.ErrTransient, clip(text))
	}
	if workflowRefusal.MatchString(text) {
		return workflowError(clip(text))
	}
	return &forge.RefusedError{Reasons: reasons(e.messages())}
}

// internal says whether the service failed, and not the request.
func (e *graphqlError) internal() bool {
	for _, problem := range e.errors {
		switch problem.Type {
		case "INTERNAL", "SERVICE_UNAVAILABLE", "TIMEOUT":
			return true
		}
		if strings.HasPrefix(problem.Message, "Something went wrong while executing your query") {
			return true
		}
	}
	return false
}

// stale says whether a branch was not where the request expected it.
func (e *graphqlError) stale() bool {
	for _, problem := range e.errors {
		if problem.Type == "STALE_DATA" || strings.HasPrefix(problem.Message, "Expected branch to point to ") {
			return true
		}
	}
	return false
}

// unavailable says whether the server does not know the mutation (an old GitHub
// Enterprise Server) or does not let this token use it.
func (e *graphqlError) unavailable() bool {
	for _, problem := range e.errors {
		switch problem.Type {
		case "FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND":
			return true
		}
	}
	return e.undefined()
}

// undefined says whether the server does not know the mutation.
func (e *graphqlError) undefined() bool {
	for _, problem := range e.errors {
		switch problem.Extensions.Code {
		case "undefinedField", "undefinedType", "variableRequiresValidType", "argumentNotAccepted":
			return true
		}
		if strings.Contains(problem.Message, "doesn't exist on type") || strings.Contains(problem.Message, "isn't a defined input type") {
			return true
		}
	}
	return false
}

// graphql sends one request and decodes its data strictly: errors beside the data
// are errors, and no data is one too.
func (c *Client) graphql(ctx context.Context, query string, variables, data any) error {
	req, err := c.api.NewRequest(http.MethodPost, c.endpoint.graphql, map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage  `json:"data"`
		Errors []graphqlProblem `json:"errors"`
	}
	_, err = c.api.Do(ctx, req, &answer)
	switch code := status(err); {
	case code == http.StatusForbidden && !forbiddenByRule(err.Error()), code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", errNoGraphQL, err)
	case err != nil:
		return err
	}
	if len(answer.Errors) > 0 {
		failed := &graphqlError{answer.Errors}
		if failed.unavailable() {
			return fmt.Errorf("%w: %w", errNoGraphQL, failed)
		}
		return failed
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		return unreadable("GraphQL answered without errors and without proper data")
	}
	return nil
}

const updateRefsMutation = `mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }`

// refUpdate is GraphQL's RefUpdate. Before and After are SHAs; all zeros stand for
// a ref that is not there. Source: GitHub's GraphQL schema, updateRefs.
type refUpdate struct {
	Name   string  `json:"name"`
	Before string  `json:"beforeOid"`
	After  string  `json:"afterOid"`
	Force  noForce `json:"force"`
}

// noForce is the only value that is ever sent for force.
type noForce struct{}

// MarshalJSON returns false.
func (noForce) MarshalJSON() ([]byte, error) { return []byte("false"), nil }

// updateRefs moves one ref by compare-and-swap, all in the server.
func (c *Client) updateRefs(ctx context.Context, repositoryID string, update refUpdate) error {
	input := map[string]any{"repositoryId": repositoryID, "refUpdates": []refUpdate{update}}
	var data struct {
		UpdateRefs *json.RawMessage `json:"updateRefs"`
	}
	if err := c.graphql(ctx, updateRefsMutation, map[string]any{"input": input}, &data); err != nil {
		return err
	}
	if data.UpdateRefs == nil {
		return unreadable("GraphQL answered without errors and without updateRefs")
	}
	return nil
}
