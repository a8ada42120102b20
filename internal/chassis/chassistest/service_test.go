package chassistest_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis"
	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/httpserver"
)

// A request that waits for something must not hold up the end of a test.
func TestTheEndOfATestDrainsWaitingRequests(t *testing.T) {
	waiting, answered := make(chan struct{}), make(chan error, 1)
	t.Run("a test that leaves a request behind", func(t *testing.T) {
		service := chassistest.Start(t, "waiting", chassis.Parts{Routes: func(routes gin.IRouter) {
			routes.GET("/wait", func(c *gin.Context) {
				close(waiting)
				<-httpserver.Draining(c.Request.Context())
				c.Status(http.StatusNoContent)
			})
		}}, faults.Spec{})
		go func() {
			answered <- service.Caller.Call(context.Background(), http.MethodGet, "/wait", nil, nil)
		}()
		<-waiting
	})
	assert.NoError(t, <-answered)
}

func TestTheServiceIsGoneAfterTheTest(t *testing.T) {
	var url string
	closed := false
	t.Run("a test", func(t *testing.T) {
		service := chassistest.Start(t, "short", chassis.Parts{
			Routes: func(routes gin.IRouter) {
				routes.GET("/here", func(c *gin.Context) { c.Status(http.StatusNoContent) })
			},
			Close: func() error { closed = true; return nil },
		}, faults.Spec{})
		url = service.URL + "/here"
		response, err := http.Get(url)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusNoContent, response.StatusCode)
	})
	assert.True(t, closed)
	_, err := http.Get(url)
	require.Error(t, err)
}
