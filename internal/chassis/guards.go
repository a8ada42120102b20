package chassis

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/internal/httpserver"
	"orderflow/internal/rpc"
)

// GuardsPath is where a process tells the product's other processes what stands
// around the calls that it makes: a GuardsReport.
const GuardsPath = "/internal/guards"

// MetadataInternal is the metadata of an instance with the address, "host:port",
// at which it serves our own processes. Without it that is the instance's own.
const MetadataInternal = "internal"

// GuardsReport is the answer of GuardsPath.
type GuardsReport struct {
	Items []rpc.Snapshot `json:"items"`
}

func addGuards(routes gin.IRoutes, guards *rpc.Guards) {
	routes.GET(GuardsPath, func(c *gin.Context) {
		httpserver.Respond(c, http.StatusOK, GuardsReport{Items: guards.Snapshot()})
	})
}

// serveInternal serves our own processes apart from strangers, and has the
// address under which they find that registered. It ends after the last request
// of strangers.
func (s *service) serveInternal(ctx context.Context, parts Parts) error {
	if parts.InternalAddr == "" {
		return nil
	}
	listener, err := httpserver.Listen(parts.InternalAddr) //nolint:contextcheck // opening a local port does not wait
	if err != nil {
		return err
	}
	host, _, err := s.cfg.advertised(ctx, listener.Addr(), lookupThisHost)
	if err != nil {
		_ = listener.Close() // the first error says more
		return fmt.Errorf("the address for our own processes: %w", err)
	}
	//nolint:contextcheck // handlers take the context of their request
	engine := httpserver.NewEngine(httpserver.Options{Name: s.name, Telemetry: s.telemetry, Checks: s.checks(parts)})
	if parts.Guards != nil {
		addGuards(engine, parts.Guards) //nolint:contextcheck // as above
	}
	server := httpserver.Serve(ctx, listener, engine, httpserver.WithErrorLog(s.telemetry.Log))
	s.closers.Push("internal server", server.Shutdown)
	s.telemetry.Log.Info("serving our own processes", zap.Stringer("internalAddr", server.Addr()))
	if s.registrar != nil {
		s.registrar.tell(MetadataInternal, net.JoinHostPort(host, strconv.Itoa(portOf(listener.Addr()))))
	}
	return nil
}
