package failpoint

import "context"

// Enabled reports whether work with the context meets fail points at all, so
// that who must do something to offer them need not where there are none.
func Enabled(ctx context.Context) bool {
	_, enabled := ctx.Value(key{}).(*Points)
	return enabled
}

// BeforeActivity is called by an activity that has done nothing yet. Its context
// is one of Points.Background. Only the first one that comes to an armed point
// meets it.
func BeforeActivity(ctx context.Context, name string) { meetActivity(ctx, Begin, name) }

// AfterActivity is called by an activity that has done its work, before anybody
// hears of it.
func AfterActivity(ctx context.Context, name string) { meetActivity(ctx, End, name) }

func meetActivity(ctx context.Context, phase Phase, name string) {
	points, enabled := ctx.Value(key{}).(*Points)
	if !enabled {
		return
	}
	now := points.activity.Load()
	if now != nil && now.point.Phase == phase && now.point.Activity == name && points.activity.CompareAndSwap(now, nil) {
		now.act()
	}
}
