{#
  Score 1–5 by the place of a value among all clients: with `b` clients below it and `e` equal to it (itself
  included) of `n`, its place is (b + e / 2) / n, and the score the fifth that place is in. Equal values have equal
  scores, whatever the order of the rows; when all are equal the score is 3.
#}
{% macro quintile(value) -%}
    1 + {{ whole(
        '5 * (2 * (rank() over (order by ' ~ value ~ ') - 1) + count(*) over (partition by ' ~ value ~ '))',
        '2 * count(*) over ()'
    ) }}
{%- endmacro %}

{# The name of a segment; every pair of scores has one. #}
{% macro segment(recency, value) -%}
    case
        when {{ value }} >= 4 then
            case
                when {{ recency }} >= 4 then 'champions'
                when {{ recency }} = 3 then 'loyal'
                when {{ recency }} = 2 then 'at_risk'
                else 'cannot_lose'
            end
        when {{ value }} = 3 then
            case
                when {{ recency }} >= 4 then 'potential_loyalists'
                when {{ recency }} = 3 then 'need_attention'
                when {{ recency }} = 2 then 'about_to_sleep'
                else 'hibernating'
            end
        when {{ recency }} = 5 then 'new'
        when {{ recency }} = 4 then 'promising'
        when {{ recency }} = 3 then 'about_to_sleep'
        when {{ recency }} = 2 then 'hibernating'
        else 'lost'
    end
{%- endmacro %}
