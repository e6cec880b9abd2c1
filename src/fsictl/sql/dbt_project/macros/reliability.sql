{#
  What followed the signals of a group, flagged against not flagged: the columns of both reliability marts. A signal
  whose price had not moved when the horizon was over is neither right nor wrong. Exact sums: basis points are added
  as decimals, so the same rows give the same means in every order.
#}
{% macro outcomes() -%}
    {%- for flagged in [true, false] %}
        {%- set kind = 'flagged' if flagged else 'reliable' %}
        {%- set here = 'unreliable' if flagged else 'not unreliable' %}
        {%- set moved = 'count(case when ' ~ here ~ ' and return_bp <> 0 then 1 end)' %}
        {%- set right = 'count(case when ' ~ here ~ ' and return_bp > 0 then 1 end)' %}
        count(case when {{ here }} then 1 end) as {{ kind }}_signals,
        count(case when {{ here }} and return_bp is not null then 1 end) as {{ kind }}_known,
        {{ moved }} as {{ kind }}_moved,
        {{ right }} as {{ kind }}_right,
        {{ right }} / nullif({{ moved }}, 0) as {{ kind }}_hit_rate,
        {{ real('sum(case when ' ~ here ~ ' then return_bp end)') }}
        / nullif(count(case when {{ here }} and return_bp is not null then 1 end), 0)
            as {{ kind }}_return_bp{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
