// How long tests wait for a condition: short names for package await.

package worker

import "daemon/plug/worker/await"

const patience = await.Patience

var until = await.Until
