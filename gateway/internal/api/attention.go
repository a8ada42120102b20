package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

const (
	// attentionTimeout bounds what is asked about the listed orders. What is
	// not known by then is marked.
	attentionTimeout = 2 * time.Second
	// attentionQuestions is how many of them are asked about at once: an
	// operator's list must not keep customers waiting.
	attentionQuestions = 10
)

// ListAttention is GET /v1/ops/attention: first the orders whose workflow was
// stopped from outside and that nobody has taken over yet, then those whose
// open workflow asks for an operator, each the latest first, which is how
// Temporal's visibility store gives them. It lags: an order that was flagged or
// helped a moment ago may be missing or still be there, without obstacles.
func (a *API) ListAttention(c *gin.Context, params openapiserver.ListAttentionParams) {
	ctx := c.Request.Context()
	paging := pagingOf(params.Page, params.Limit)
	if paging.Offset()+int64(paging.Limit) > placement.MaxFlagged {
		fail(c, problem.Newf(problem.Malformed, "the parameters page and limit must stay within the first %d orders", placement.MaxFlagged))
		return
	}
	stopped, err := a.abandoned(ctx)
	if err != nil {
		fail(c, err)
		return
	}
	offset := int(paging.Offset())
	items := stopped[min(offset, len(stopped)):min(offset+paging.Limit, len(stopped))]
	flagged, total, err := a.Placements.Flagged(ctx, max(offset-len(stopped), 0), paging.Limit-len(items))
	if err != nil {
		fail(c, err)
		return
	}
	page := openapiserver.AttentionPage{
		Items: append(items, a.obstructed(ctx, flagged)...),
		Page:  paging.Page, Limit: paging.Limit, Total: total + int64(len(stopped)),
	}
	page.Links = linksAround(c.Request.URL.Path, url.Values{}, paging, page.Total)
	httpserver.Respond(c, http.StatusOK, page)
}

// abandoned are the orders whose workflow was stopped, without those that are
// known to have ended or to have another run.
func (a *API) abandoned(ctx context.Context) ([]openapiserver.AttentionItem, error) {
	stopped, err := a.Placements.Stopped(ctx)
	if err != nil {
		return nil, err
	}
	items, open := make([]openapiserver.AttentionItem, len(stopped)), make([]bool, len(stopped))
	askAbout(ctx, stopped, func(ctx context.Context, i int, listed placement.Listed) {
		items[i] = a.attentionItem(listed)
		open[i] = a.isAbandoned(ctx, &items[i])
	})
	kept := items[:0]
	for i, item := range items {
		if open[i] {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// isAbandoned reports that nobody is known to bring the order to an end.
func (a *API) isAbandoned(ctx context.Context, item *openapiserver.AttentionItem) bool {
	stored, err := a.Orders.Order(ctx, item.OrderID)
	switch {
	case err == nil && orderview.Final(stored):
		return false
	case err != nil && problem.CodeOf(err) != problem.NotFound:
		item.Unavailable = []orderview.Part{orderview.PartOrder}
	}
	newest, err := a.Placements.Find(ctx, item.OrderID)
	return err != nil || newest.State == contract.SagaBlocked
}

// obstructed asks the workflows of flagged orders what is in their way.
func (a *API) obstructed(ctx context.Context, flagged []placement.Listed) []openapiserver.AttentionItem {
	items := make([]openapiserver.AttentionItem, len(flagged))
	askAbout(ctx, flagged, func(ctx context.Context, i int, listed placement.Listed) {
		items[i] = a.attentionItem(listed)
		progress, err := a.Placements.Progress(ctx, listed.OrderID)
		if err != nil {
			items[i].Unavailable = []orderview.Part{orderview.PartSaga}
			return
		}
		items[i].Saga = a.Reader.Saga(ctx, progress)
		items[i].WaitingFor = obstacles(progress)
	})
	return items
}

func (a *API) attentionItem(listed placement.Listed) openapiserver.AttentionItem {
	item := openapiserver.AttentionItem{
		OrderID: listed.OrderID, CustomerID: listed.CustomerID, StartedAt: listed.StartedAt,
		Workflow: openapiserver.AttentionItemWorkflowOpen, WaitingFor: []openapiserver.Obstacle{},
		Links: openapiserver.AttentionLinks{Order: orderview.LinksOf(listed.OrderID).Self},
	}
	if listed.Stop != "" {
		item.Workflow, item.StoppedAt = openapiserver.AttentionItemWorkflow(listed.Stop), listed.StoppedAt
	}
	if a.WorkflowLink != nil {
		item.Links.Workflow = a.WorkflowLink(listed.OrderID)
	}
	return item
}

// obstacles are the steps that go no further: by themselves where there is no
// compensation, otherwise in being undone.
func obstacles(progress contract.Progress) []openapiserver.Obstacle {
	waits := func(state contract.StepState) bool {
		return state == contract.StepBlocked || state == contract.StepWaiting
	}
	found := []openapiserver.Obstacle{}
	for _, step := range progress.Steps {
		undo := step.Compensation
		switch {
		case undo != nil && slices.ContainsFunc(found, func(o openapiserver.Obstacle) bool { return o.Compensation == undo.Name }):
			// One compensation undoes both the creation and the confirmation.
		case undo != nil && waits(undo.State):
			found = append(found, openapiserver.Obstacle{Step: step.Name, Compensation: undo.Name, Error: undo.Error})
		case undo == nil && waits(step.State):
			found = append(found, openapiserver.Obstacle{Step: step.Name, Error: step.Error})
		}
	}
	return found
}

// askAbout calls ask for every order, some at once, within one deadline.
func askAbout(ctx context.Context, orders []placement.Listed, ask func(ctx context.Context, i int, listed placement.Listed)) {
	ctx, cancel := context.WithTimeout(ctx, attentionTimeout)
	defer cancel()
	var questions errgroup.Group
	questions.SetLimit(attentionQuestions)
	for i, listed := range orders {
		questions.Go(func() error { ask(ctx, i, listed); return nil })
	}
	_ = questions.Wait() // what failed is marked
}
