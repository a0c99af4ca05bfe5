package io.github.kafkasidecar;

import java.util.AbstractList;
import java.util.RandomAccess;
import java.util.function.IntFunction;

/** An unmodifiable list whose elements are made when they are looked at, so that what nobody looks at costs nothing. */
final class LazyList<E> extends AbstractList<E> implements RandomAccess {
    private final int size;
    private final IntFunction<E> element;

    LazyList(int size, IntFunction<E> element) {
        this.size = size;
        this.element = element;
    }

    @Override
    public E get(int index) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException("index " + index + " of " + size);
        }
        return element.apply(index);
    }

    @Override
    public int size() {
        return size;
    }
}
