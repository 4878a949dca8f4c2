// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;

/** Events and handlers of a graph: which event, what is written, who reads after whom. */
interface Shape<E> {
    E create();

    void fill(E event, long i);

    /** Groups of handlers; each group comes after the one before it. */
    List<List<? extends Handler<E>>> groups();

    /** Those of them whose results make the checksum. */
    List<? extends Handler<E>> sinks();
}
