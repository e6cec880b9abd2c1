{#
  What followed the signals of a group, flagged against not flagged: the columns of both reliability marts. A signal
  whose price had not moved when the horizon was over is neither right nor wrong. Exact sums: basis points are added
  as decimals, so the same rows give the same means in every order.
#}
{% macro outcomes() -%}
    {%- for flagged in [true, false] %}
        {%- set kind = 'flagged' if flagged else 'reliable' %}
        {%- set here = 'unreliable' if flagged else 'not unreliable' %}
        {%- set moved = 'sum(case when ' ~ here ~ ' and return_bp <> 0 then 1 else 0 end)' %}
        {%- set right = 'sum(case when ' ~ here ~ ' and return_bp > 0 then 1 else 0 end)' %}
        sum(case when {{ here }} then 1 else 0 end) as {{ kind }}_signals,
        sum(case when {{ here }} and return_bp is not null then 1 else 0 end) as {{ kind }}_known,
        {{ moved }} as {{ kind }}_moved,
        {{ right }} as {{ kind }}_right,
        {{ right }} / nullif({{ moved }}, 0) as {{ kind }}_hit_rate,
        {{ dbt.safe_cast('sum(case when ' ~ here ~ ' then return_bp end)', api.Column.translate_type('float')) }}
        / nullif(sum(case when {{ here }} and return_bp is not null then 1 else 0 end), 0)
            as {{ kind }}_return_bp{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
