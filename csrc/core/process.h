// Which process this is: a forked child has the memory of its parent, and none of its threads.
#pragma once

namespace rerank {

long process_id();

}  // namespace rerank
