{# What DuckDB and BigQuery say differently. Event times are milliseconds in DuckDB, timestamps in BigQuery. #}

{# A column of event time in milliseconds. #}
{% macro milliseconds_of(column) %}{{ return(adapter.dispatch('milliseconds_of', 'fsictl')(column)) }}{% endmacro %}

{% macro duckdb__milliseconds_of(column) %}{{ column }}{% endmacro %}

{% macro bigquery__milliseconds_of(column) %}unix_millis({{ column }}){% endmacro %}

{# A column of event time as a timestamp. #}
{% macro moment_of(column) %}{{ return(adapter.dispatch('moment_of', 'fsictl')(column)) }}{% endmacro %}

{% macro duckdb__moment_of(column) %}epoch_ms({{ column }}){% endmacro %}

{% macro bigquery__moment_of(column) %}{{ column }}{% endmacro %}

{# Exact decimals with nine digits after the point, so that a sum does not depend on its order. #}
{% macro money(amount) %}{{ return(adapter.dispatch('money', 'fsictl')(amount)) }}{% endmacro %}

{% macro duckdb__money(amount) %}cast({{ amount }} as decimal(38, 9)){% endmacro %}

{% macro bigquery__money(amount) %}cast({{ amount }} as numeric){% endmacro %}

{# A double-precision number. #}
{% macro real(value) %}{{ return(adapter.dispatch('real', 'fsictl')(value)) }}{% endmacro %}

{% macro duckdb__real(value) %}cast({{ value }} as double){% endmacro %}

{% macro bigquery__real(value) %}cast({{ value }} as float64){% endmacro %}

{# Whole division of integers that are not below zero. #}
{% macro whole(dividend, divisor) %}{{ return(adapter.dispatch('whole', 'fsictl')(dividend, divisor)) }}{% endmacro %}

{% macro duckdb__whole(dividend, divisor) %}(({{ dividend }}) // ({{ divisor }})){% endmacro %}

{% macro bigquery__whole(dividend, divisor) %}div(({{ dividend }}), ({{ divisor }})){% endmacro %}

{# Days from one date to another. #}
{% macro days_between(first, last) %}{{ return(adapter.dispatch('days_between', 'fsictl')(first, last)) }}{% endmacro %}

{% macro duckdb__days_between(first, last) %}date_diff('day', {{ first }}, {{ last }}){% endmacro %}

{% macro bigquery__days_between(first, last) %}date_diff({{ last }}, {{ first }}, day){% endmacro %}
