package faults_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"

	"orderflow/internal/faults"
)

func TestAnOutageBeginsAndEndsWhileTheServiceRuns(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	current := faults.NewSwitch(faults.Spec{})
	engine := gin.New()
	engine.Use(current.Middleware(func() float64 { return 0 }))
	engine.POST("/charge", func(c *gin.Context) { c.Status(http.StatusCreated) })
	charge := func() int {
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/charge", nil))
		return recorder.Code
	}

	assert.Equal(t, http.StatusCreated, charge())
	current.Set(faults.Spec{Error: 1})
	assert.Equal(t, http.StatusServiceUnavailable, charge())
	assert.Equal(t, faults.Spec{Error: 1}, current.Spec())
	current.Set(faults.Spec{})
	assert.Equal(t, http.StatusCreated, charge())
}
