// How tests wait.

package worker

import "daemon/plug/worker/await"

const patience = await.Patience

var until = await.Until
